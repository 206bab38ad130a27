"""Customers: who is one, what a delta leaves alone, and that nobody overwrites anybody. Reading has its own tests."""

import json

import pytest

from onec_pipelines.importing import import_customers

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


@pytest.mark.parametrize("delta", [False, True, None])
def test_an_element_that_is_absent_says_nothing(delta, export, imports, rows, xml):
    export.contragents(PERSON)
    imports.customers()
    (before,) = rows(EVERYTHING)
    export.contragents(xml.customer("c", ""), delta=delta)
    assert imports.customers().counters.skipped == 1
    assert rows(EVERYTHING) == [before]
    export.contragents(xml.customer("c", "<Наименование>Сидоров</Наименование>"), delta=delta)
    assert imports.customers().counters.updated == 1
    (after,) = rows(EVERYTHING)
    assert after == (before[0], "Сидоров", *before[2:])


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
        ("a", "0000000000", False), ("b", "0000000001", False), ("c", "не указан", False)
    ]  # fmt: skip


EMPTIED = """
    <Контрагент><Ид>c</Ид><Наименование/><ОфициальноеНаименование/><ИНН/><КПП/><ОКПО/><АдресРегистрации/><Контакты/>
      <РасчетныеСчета/><Представители/><Роль/></Контрагент>
"""


@pytest.mark.parametrize("delta", [False, True])
def test_an_element_that_is_stated_empty_clears(delta, export, imports, rows):
    export.contragents(PERSON)
    imports.customers()
    export.contragents(EMPTIED, delta=delta)
    assert imports.customers().counters.updated == 1
    assert rows(EVERYTHING) == [("individual", None, None, None, None, None, None, None, [], [], [], [], [], True)]
    assert rows("select inn_valid, inn_scheme, stated_kind from onec.customers") == [(None, None, None)]


def test_contacts_are_replaced_as_a_whole_and_e_mail_and_phone_with_them(export, imports, rows, xml):
    export.contragents(PERSON)
    imports.customers()
    contact = "<Контакты><Контакт><Тип>Телефон</Тип><Значение>8 912 111-11-11</Значение></Контакт></Контакты>"
    export.contragents(xml.customer("c", contact), delta=True)
    imports.customers()
    assert rows("select email, phone, contacts from onec.customers") == [
        (None, "+79121111111", [{"type": "Телефон", "value": "8 912 111-11-11"}])
    ]


def test_addresses_are_replaced_each_kind_by_itself(export, imports, rows, xml):
    export.contragents(xml.customer("c", "<Адрес>Тула</Адрес><АдресДоставки>Химки</АдресДоставки>"))
    imports.customers()
    export.contragents(xml.customer("c", "<АдресДоставки/><ПочтовыйАдрес>Орёл</ПочтовыйАдрес>"), delta=True)
    imports.customers()
    assert rows("select addresses from onec.customers") == [
        [{"kind": "Адрес", "text": "Тула"}, {"kind": "ПочтовыйАдрес", "text": "Орёл"}]
    ]


def test_what_has_no_column_is_kept_and_cleared_element_by_element(export, imports, rows, xml):
    export.contragents(xml.customer("c", "<ВидЦен>Опт</ВидЦен><Менеджер>Петров</Менеджер><Код>7</Код>"))
    imports.customers()
    export.contragents(xml.customer("c", "<ВидЦен>Розница</ВидЦен><Менеджер/>"), delta=True)
    imports.customers()
    assert rows("select extra from onec.customers") == [{"ВидЦен": "Розница", "Код": "7"}]


PARTS = "<Фамилия>Тестова</Фамилия><Имя>Анна</Имя><Отчество>Львовна</Отчество>"


@pytest.mark.parametrize(
    ("first", "then", "name"),
    [
        (PARTS, "", "Тестова Анна Львовна"),
        ("<Наименование/>" + PARTS, "", "Тестова Анна Львовна"),
        ("<Наименование>Лютик</Наименование>" + PARTS, "", "Лютик"),
        (PARTS, "<Фамилия>Новая</Фамилия>", "Новая Анна Львовна"),
        (PARTS, "<Наименование>Лютик</Наименование>", "Лютик"),
        ("<Наименование>Лютик</Наименование>", PARTS, "Лютик"),
        ("<Наименование>Лютик</Наименование>", "<Наименование/>" + PARTS, "Тестова Анна Львовна"),
        ("<Имя>Анна</Имя>", "<Имя/>", None),
    ],
)
def test_the_parts_of_a_name_make_one_where_none_is_stated(first, then, name, export, imports, rows, xml):
    for content in (first, then):
        export.contragents(xml.customer("c", content), delta=True)
        imports.customers()
    assert rows("select name from onec.customers") == [name]


KINDS = {
    "<ОфициальноеНаименование>ООО</ОфициальноеНаименование>": "legal_entity",
    "<ОфициальноеНаименование>ООО</ОфициальноеНаименование><ИНН>500100732259</ИНН>": "legal_entity",
    "<РеквизитыЮрЛица><ИНН>500100732259</ИНН></РеквизитыЮрЛица>": "legal_entity",
    "<ИНН>7707083893</ИНН>": "legal_entity",
    "<ИНН>7707083893</ИНН><Наименование>ИП Иванов</Наименование>": "legal_entity",
    "<КПП>770701001</КПП>": "legal_entity",
    "<ИНН>32855961</ИНН>": "legal_entity",
    "<ИНН>200988541</ИНН>": "legal_entity",
    "<ИНН>000140000012</ИНН>": "legal_entity",
    "<Наименование>ИП Иванов</Наименование>": "entrepreneur",
    "<Наименование>ИП Иванов</Наименование><ИНН>500100732259</ИНН><КПП>000000000</КПП>": "entrepreneur",
    "<Наименование>ИП Прыклад</Наименование><ИНН>200988541</ИНН>": "entrepreneur",
    "<ОфициальноеНаименование>ИП Иванов</ОфициальноеНаименование><ИНН>500100732259</ИНН>": "entrepreneur",
    "<РеквизитыФизЛица><Имя>Анна</Имя><КПП>770701001</КПП></РеквизитыФизЛица>": "individual",
    "<ИНН>500100732259</ИНН><КПП>770701001</КПП>": "individual",
    "<Наименование>Анна</Наименование><КПП>0</КПП>": "individual",
    "<Наименование>Анна</Наименование><КПП>-</КПП>": "individual",
    "<Наименование>Анна</Наименование><ИНН>00000000000001</ИНН>": "individual",
    "<Наименование>Анна</Наименование>": "individual",
}


def test_the_kind_follows_from_names_elements_and_numbers(export, imports, rows, xml):
    export.contragents("".join(xml.customer(f"{number:02}", stated) for number, stated in enumerate(KINDS)))
    imports.customers()
    assert dict(zip(KINDS, rows("select kind from onec.customers order by onec_id"), strict=True)) == KINDS


OFFICIAL = "<ОфициальноеНаименование>ООО</ОфициальноеНаименование>"
PERSONAL_NAME = "<ОфициальноеНаименование/><ПолноеНаименование>Иванов</ПолноеНаименование>"
PLAIN = "<Наименование>Иванов</Наименование>"


@pytest.mark.parametrize(
    ("first", "then", "kind"),
    [
        (OFFICIAL, "<ИНН>500100732259</ИНН>", "legal_entity"),
        (OFFICIAL, PLAIN, "legal_entity"),
        (OFFICIAL, PERSONAL_NAME, "individual"),
        ("<КПП>770701001</КПП>", "<КПП/>", "individual"),
        ("<Наименование>ИП Иванов</Наименование>", PLAIN, "individual"),
        ("<ПолноеНаименование>ИП Иванов</ПолноеНаименование>", PLAIN, "entrepreneur"),
    ],
)
def test_the_kind_follows_what_is_stated_now(first, then, kind, export, imports, rows, xml):
    for content in (first, then):
        export.contragents(xml.customer("c", content), delta=True)
        imports.customers()
    assert rows("select kind from onec.customers") == [kind]


def test_a_list_that_does_not_say_that_it_is_full_takes_nobody_away(export, imports, rows, xml):
    export.contragents(xml.customer("c") + xml.customer("d"), delta=None)
    imports.customers()
    export.contragents(xml.customer("c", "<Наименование>Новый</Наименование>"), delta=None)
    assert imports.customers().export_kind == "changes"
    assert rows("select onec_id, name, is_active from onec.customers order by 1") == [
        ("c", "Новый", True), ("d", "Покупатель", True)
    ]  # fmt: skip


MARK = "<ПометкаУдаления>true</ПометкаУдаления>"
BUYER, SUPPLIER = "<Роль>Покупатель</Роль>", "<Роль>Поставщик</Роль>"


@pytest.mark.parametrize("delta", [False, True])
def test_a_deletion_mark_alone_makes_nobody_known(delta, export, imports, rows, xml):
    export.contragents(xml.customer("s", f"<Наименование>Лютик</Наименование>{SUPPLIER}"))
    imports.customers()
    export.contragents(xml.customer("s", MARK) + xml.customer("u", MARK), delta=delta)
    assert imports.customers().counters.skipped == 2
    assert rows("select onec_id from onec.customers") == []


@pytest.mark.parametrize("roles", [(BUYER, SUPPLIER), (SUPPLIER, BUYER)])
def test_a_buyer_in_one_file_and_a_supplier_in_another_is_a_customer(roles, export, imports, rows, xml):
    mail = "<Контакты><Контакт><Тип>Почта</Тип><Значение>c@example.com</Значение></Контакт></Контакты>"
    for segment, role in enumerate(roles, start=1):
        export.contragents(xml.customer("c", role + (mail if role == BUYER else "")), segment=segment)
    counters = imports.customers().counters
    assert (counters.total, counters.created, counters.skipped) == (2, 1, 1)
    assert rows("select roles, email, is_active from onec.customers") == [
        (["Покупатель", "Поставщик"], "c@example.com", True)
    ]


def test_what_several_elements_state_of_one_customer_holds_together(export, imports, rows, xml):
    export.contragents(
        xml.customer("c", "<Наименование>Лютик</Наименование><ИНН>7707083893</ИНН><Адрес>Тула</Адрес><Код>7</Код>")
        + xml.customer("c", "<ИНН>77070838930</ИНН><КПП>770701001</КПП><ПочтовыйАдрес>Орёл</ПочтовыйАдрес>")
        + xml.customer("c", "<КПП/><Менеджер>Петров</Менеджер>")
    )
    imports.customers()
    assert rows("select name, inn, inn_valid, kpp, extra from onec.customers") == [
        ("Лютик", "77070838930", None, None, {"Код": "7", "Менеджер": "Петров"})
    ]
    assert [address["text"] for address in rows("select addresses from onec.customers")[0]] == ["Тула", "Орёл"]


def test_a_folder_of_the_list_is_no_customer(export, imports, rows, xml):
    export.contragents(xml.customer("f") + xml.customer("c"))
    imports.customers()
    export.contragents(
        xml.customer("f", "<Наименование>Опт</Наименование><ЭтоГруппа>true</ЭтоГруппа>")
        + xml.customer("c", "<ЭтоГруппа>false</ЭтоГруппа><Родитель>f</Родитель>")
    )
    assert imports.customers().details["not_for_us"] == 1
    assert rows("select onec_id, extra, is_active from onec.customers order by 1") == [
        ("c", {"Родитель": "f"}, True), ("f", {}, False)
    ]  # fmt: skip


def test_phones_that_name_no_country_are_read_as_those_of_a_region(export, imports, rows, xml):
    phone = "<Контакты><Контакт><Тип>Телефон</Тип><Значение>029 123-45-67</Значение></Контакт></Контакты>"
    export.contragents(xml.customer("c", phone))
    imports.customers(phone_region="BY")
    assert rows("select phone from onec.customers") == ["+375291234567"]


def test_the_kinds_of_the_last_release_outlive_a_delta(released, released_url, export, xml):
    export.contragents(xml.customer("01cb7447-6a49-5b86-b052-e7b51a94c254", ""), delta=True)
    before = released.execute("select onec_id, kind from onec.customers order by 1").fetchall()
    import_customers(export.root, released_url)
    for onec_id, _ in before:
        export.contragents(xml.customer(onec_id, ""), delta=True)
        import_customers(export.root, released_url)
    assert released.execute("select onec_id, kind from onec.customers order by 1").fetchall() == before


def test_nothing_that_a_report_says_is_personal(export, imports):
    nobody = "<Контрагент><Наименование>Тайнов</Наименование><ИНН>7701000009</ИНН></Контрагент>"
    export.contragents(PERSON + nobody)
    for options in ({}, {"force": True}):
        report = imports.customers(**options)
        said = str(report)
        assert report.counters.errors == 1
        for secret in ("Иванов", "Петров", "Тайнов", "7701000009", "example.com", "0000000"):
            assert secret.lower() not in said.lower()
