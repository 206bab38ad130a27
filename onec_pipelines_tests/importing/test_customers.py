"""Customers: who is one, what a delta leaves alone, and that nobody overwrites anybody. Reading has its own tests."""

import json

import pytest

PERSON = """
    <Контрагент><Ид>c</Ид><Роль>Покупатель</Роль><Наименование>Иванов</Наименование>
      <ОфициальноеНаименование>ООО Иванов</ОфициальноеНаименование><ИНН>7701000009</ИНН><КПП>770101001</КПП>
      <ОКПО>00000000</ОКПО>
      <АдресРегистрации><Представление>Тула</Представление></АдресРегистрации>
      <Контакты>
        <Контакт><Тип>Почта</Тип><Значение>Buyer@Example.com</Значение></Контакт>
        <Контакт><Тип>Телефон рабочий</Тип><Значение>8 (912) 000-00-00</Значение></Контакт>
        <Контакт><Тип>Почта</Тип><Значение>second@example.com</Значение></Контакт>
      </Контакты>
      <РасчетныеСчета><РасчетныйСчет><НомерСчета>4070</НомерСчета></РасчетныйСчет></РасчетныеСчета>
      <Представители><Представитель><Контрагент><Ид>r</Ид><Наименование>Петров</Наименование></Контрагент>
      </Представитель></Представители>
    </Контрагент>
"""
EVERYTHING = """
    select kind, name, full_name, inn, kpp, okpo, email, phone, roles, addresses, contacts, bank_accounts,
        representatives, is_active
    from onec.customers where onec_id = 'c'
"""


def test_a_customer_comes_with_everything_it_states(export, imports, rows):
    export.contragents(PERSON)
    report = imports.customers()
    assert (report.table, report.row_count, report.counters.created) == ("onec.customers", 1, 1)
    ((kind, name, full_name, inn, kpp, okpo, email, phone, roles, addresses, contacts, accounts, people, active),) = (
        rows(EVERYTHING)
    )
    assert (kind, name, full_name) == ("legal_entity", "Иванов", "ООО Иванов")
    assert (inn, kpp, okpo) == ("7701000009", "770101001", "00000000")
    assert (email, phone, roles) == ("buyer@example.com", "+79120000000", ["Покупатель"])
    assert addresses == [{"kind": "АдресРегистрации", "text": "Тула"}]
    assert [contact["value"] for contact in contacts] == [
        "Buyer@Example.com", "8 (912) 000-00-00", "second@example.com"
    ]  # fmt: skip
    assert accounts[0]["НомерСчета"] == "4070"
    assert "Петров" in json.dumps(people, ensure_ascii=False)
    assert active


def test_a_delta_blanks_nothing_that_it_does_not_state(export, imports, rows, xml):
    export.contragents(PERSON)
    imports.customers()
    (before,) = rows(EVERYTHING)
    export.contragents(xml.customer("c", ""), delta=True)
    assert imports.customers().counters.skipped == 1
    assert rows(EVERYTHING) == [before]
    export.contragents(xml.customer("c", "<Наименование>Сидоров</Наименование>"), delta=True)
    assert imports.customers().counters.updated == 1
    (after,) = rows(EVERYTHING)
    assert after == (before[0], "Сидоров", *before[2:])


def test_a_full_export_states_a_customer_whole(export, imports, rows, xml):
    export.contragents(PERSON)
    imports.customers()
    export.contragents(xml.customer("c", "<Наименование>Сидоров</Наименование>"))
    imports.customers()
    assert rows(EVERYTHING) == [("individual", "Сидоров", None, None, None, None, None, None, [], [], [], [], [], True)]


@pytest.mark.parametrize("delta", [False, True])
def test_a_deletion_mark_that_comes_alone_takes_nothing_but_the_activity(delta, export, imports, rows, xml):
    export.contragents(PERSON)
    imports.customers()
    (before,) = rows(EVERYTHING)
    export.contragents(xml.customer("c", "<ПометкаУдаления>true</ПометкаУдаления>"), delta=delta)
    assert imports.customers().counters.updated == 1
    assert rows(EVERYTHING) == [(*before[:-1], False)]


@pytest.mark.parametrize("delta", [False, True])
def test_one_that_comes_alone_after_the_row_itself_takes_nothing_but_the_activity_either(
    delta, export, imports, rows, xml
):
    export.contragents(PERSON, delta=delta)
    export.contragents(xml.customer("c", "<ПометкаУдаления>true</ПометкаУдаления>"), delta=delta, segment=2)
    imports.customers()
    assert rows("select name, inn, email, roles, is_active from onec.customers") == [
        ("Иванов", "7701000009", "buyer@example.com", ["Покупатель"], False)
    ]


def test_a_deletion_mark_beside_a_name_states_a_customer_whole(export, imports, rows, xml):
    export.contragents(PERSON)
    imports.customers()
    mark = "<ПометкаУдаления>true</ПометкаУдаления>"
    export.contragents(xml.customer("c", f"{mark}<Наименование>Сидоров</Наименование>"))
    imports.customers()
    assert rows("select name, inn, contacts, is_active from onec.customers") == [("Сидоров", None, [], False)]


def test_an_entrepreneur_stays_one_in_a_delta_without_a_name(export, imports, rows, xml):
    inn = "<ИНН>500100732259</ИНН>"
    export.contragents(xml.customer("c", f"<Наименование>ИП Иванов</Наименование>{inn}"))
    imports.customers()
    export.contragents(xml.customer("c", inn), delta=True)
    imports.customers()
    assert rows("select kind, name from onec.customers") == [("entrepreneur", "ИП Иванов")]


COMPANY, PERSONAL, OTHER = "7701000009", "500100732259", "000000000000"


@pytest.mark.parametrize(
    ("name", "inn", "changed", "kind"),
    [
        ("ИП Иванов", PERSONAL, COMPANY, "legal_entity"),
        ("ИП Иванов", PERSONAL, OTHER, "entrepreneur"),
        ("Иванов", PERSONAL, COMPANY, "legal_entity"),
        ("Иванов", PERSONAL, OTHER, "individual"),
        ("ООО Дуб", COMPANY, PERSONAL, "individual"),
    ],
)
def test_an_inn_that_a_delta_changes_changes_the_kind_as_far_as_it_tells_it(
    name, inn, changed, kind, export, imports, rows, xml
):
    export.contragents(xml.customer("c", f"<Наименование>{name}</Наименование><ИНН>{inn}</ИНН>"))
    imports.customers()
    export.contragents(xml.customer("c", f"<ИНН>{changed}</ИНН>"), delta=True)
    imports.customers()
    assert rows("select kind, name, inn from onec.customers") == [(kind, name, changed)]


def test_two_customers_with_one_e_mail_stay_two(export, imports, rows, xml):
    mail = "<Контакты><Контакт><Тип>Почта</Тип><Значение>one@example.com</Значение></Контакт></Контакты>"
    export.contragents(xml.customer("c", mail) + xml.customer("d", mail))
    imports.customers()
    assert rows("select onec_id, email from onec.customers order by 1") == [
        ("c", "one@example.com"), ("d", "one@example.com")
    ]  # fmt: skip


def test_whoever_is_no_buyer_is_skipped_and_counted(export, imports, rows, xml):
    export.contragents(
        xml.customer("s", "<Роль>Поставщик</Роль>")
        + xml.customer("b", "<Роль>поставщик</Роль><Роль>ПОКУПАТЕЛЬ</Роль>")
        + xml.customer("n")
    )
    report = imports.customers()
    assert (report.counters.total, report.counters.created, report.counters.skipped) == (3, 2, 1)
    assert report.details["not_for_us"] == 1
    assert rows("select onec_id from onec.customers order by 1") == ["b", "n"]
    assert imports.customers().counters.skipped == 3


@pytest.mark.parametrize("value", ["нет", "@", "a@b", "000000, Тула, Мира, 5", "x" * 5000 + "@example.com"])
def test_an_e_mail_that_is_none_never_costs_the_row(value, export, imports, rows, xml):
    contact = f"<Контакты><Контакт><Тип>Почта</Тип><Значение>{value}</Значение></Контакт></Контакты>"
    export.contragents(xml.customer("c", contact))
    assert imports.customers().counters.errors == 0
    assert rows("select contacts -> 0 ->> 'value' from onec.customers") == [value]


def test_a_wrong_inn_is_flagged_and_never_a_reason_to_reject(export, imports, rows, xml):
    export.contragents(
        xml.customer("a", "<ИНН>0000000000</ИНН>")
        + xml.customer("b", "<ИНН>0000000001</ИНН>")
        + xml.customer("c", "<ИНН>не указан</ИНН>")
    )
    assert imports.customers().counters.errors == 0
    assert rows("select onec_id, inn, inn_valid from onec.customers order by 1") == [
        ("a", "0000000000", True), ("b", "0000000001", False), ("c", "не указан", False)
    ]  # fmt: skip


def test_nothing_that_a_report_says_is_personal(export, imports):
    nobody = "<Контрагент><Наименование>Тайнов</Наименование><ИНН>7701000009</ИНН></Контрагент>"
    export.contragents(PERSON + nobody)
    for options in ({}, {"force": True}):
        report = imports.customers(**options)
        said = str(report)
        assert report.counters.errors == 1
        for secret in ("Иванов", "Петров", "Тайнов", "7701000009", "example.com", "0000000"):
            assert secret.lower() not in said.lower()
