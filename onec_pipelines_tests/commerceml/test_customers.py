"""Customers among the contragents."""

import pytest

from onec_pipelines.commerceml import customers
from onec_pipelines.commerceml.customers import is_valid_inn, normalise_phone
from onec_pipelines.commerceml.records import Customer, NotForUs, Package, Rejection, Unhandled


@pytest.fixture
def read_contragent(read):
    """Read the facts of one contragent with the id `1` and what stands in it."""

    def read_contragent(inside, onec_id="<Ид>1</Ид>"):
        facts = read(customers.READERS, f"<Контрагенты><Контрагент>{onec_id}{inside}</Контрагент></Контрагенты>")
        return [fact for fact in facts if not isinstance(fact, Package)]

    return read_contragent


@pytest.fixture
def read_customer(read_contragent):
    def read_customer(inside):
        (customer,) = (fact for fact in read_contragent(inside) if isinstance(fact, Customer))
        return customer

    return read_customer


def test_a_customer_is_read_with_all_that_is_stated(read_contragent):
    (customer,) = read_contragent(
        """
        <НомерВерсии>AAAAAAAAAAE=</НомерВерсии>
        <ПометкаУдаления>false</ПометкаУдаления>
        <Наименование>Ромашка</Наименование>
        <ОфициальноеНаименование>ООО "Ромашка"</ОфициальноеНаименование>
        <Роль>Покупатель</Роль>
        <ИНН>7707083893</ИНН><КПП>770701001</КПП><КодПоОКПО>00032537</КодПоОКПО>
        <РасчетныеСчета>
          <РасчетныйСчет><НомерСчета>40702810000000000001</НомерСчета>
            <Банк><Наименование>Банк</Наименование><БИК>044525225</БИК></Банк>
          </РасчетныйСчет>
        </РасчетныеСчета>
        <АдресРегистрации>
          <Представление>Москва, Тверская, 1</Представление><Комментарий>вход со двора</Комментарий>
          <АдресноеПоле><Тип>Город</Тип><Значение>Москва</Значение></АдресноеПоле>
          <АдресноеПоле><Тип>Улица</Тип><Значение/></АдресноеПоле>
        </АдресРегистрации>
        <Адрес>Химки, Ленина, 2</Адрес>
        <ФактическийАдрес/>
        <Контакты>
          <Контакт>
            <Тип>Почта</Тип><Значение>Buyer@Example.com</Значение><Комментарий>отдел закупок</Комментарий>
          </Контакт>
          <Контакт><Тип>ТелефонРабочий</Тип><Значение>8 (912) 000-00-00</Значение></Контакт>
        </Контакты>
        <Представители>
          <Представитель><Контрагент><Ид>2</Ид><Наименование>Анна</Наименование></Контрагент></Представитель>
        </Представители>
        <Комментарий>постоянный</Комментарий>"""
    )
    assert customer == Customer(
        onec_id="1",
        kind="legal_entity",
        name="Ромашка",
        full_name='ООО "Ромашка"',
        inn="7707083893",
        inn_valid=True,
        kpp="770701001",
        okpo="00032537",
        email="buyer@example.com",
        phone="+79120000000",
        roles=("Покупатель",),
        addresses=[
            {
                "kind": "АдресРегистрации",
                "text": "Москва, Тверская, 1",
                "comment": "вход со двора",
                "fields": {"Город": "Москва"},
            },
            {"kind": "Адрес", "text": "Химки, Ленина, 2"},
        ],
        contacts=[
            {"type": "Почта", "value": "Buyer@Example.com", "comment": "отдел закупок"},
            {"type": "ТелефонРабочий", "value": "8 (912) 000-00-00"},
        ],
        bank_accounts=[
            {
                "kind": "РасчетныйСчет",
                "НомерСчета": "40702810000000000001",
                "Банк": {"Наименование": "Банк", "БИК": "044525225"},
            }
        ],
        representatives=[{"kind": "Представитель", "Контрагент": {"Ид": "2", "Наименование": "Анна"}}],
        deleted=False,
        line=1,
    )


def test_what_is_not_stated_is_none_so_that_a_delta_blanks_nothing(read_customer):
    customer = read_customer("<Наименование>Анна</Наименование>")
    assert {field for field in Customer.__slots__ if getattr(customer, field) is None} == {
        "kind",
        "full_name",
        "inn",
        "inn_valid",
        "kpp",
        "okpo",
        "email",
        "phone",
        "addresses",
        "contacts",
        "bank_accounts",
        "representatives",
    }


def test_an_empty_list_is_stated(read_customer):
    customer = read_customer("<Контакты/><РасчетныеСчета/>")
    assert (customer.contacts, customer.bank_accounts, customer.representatives) == ([], [], None)


INN_10 = "<ИНН>7707083893</ИНН>"
INN_12 = "<ИНН>500100732259</ИНН>"


@pytest.mark.parametrize(
    ("inside", "kind"),
    [
        (f"<ОфициальноеНаименование>ООО Мяч</ОфициальноеНаименование>{INN_10}<КПП>770701001</КПП>", "legal_entity"),
        (f"<ОфициальноеНаименование>ООО Мяч</ОфициальноеНаименование>{INN_10}", "legal_entity"),
        ("<ОфициальноеНаименование>ООО Мяч</ОфициальноеНаименование>", "legal_entity"),
        (INN_10, "legal_entity"),
        ("<КПП>770701001</КПП>", "legal_entity"),
        (f"<ПолноеНаименование>ИП Иванова Анна</ПолноеНаименование>{INN_12}", "entrepreneur"),
        (f"<Наименование>Иванова Анна ИП</Наименование>{INN_12}", "entrepreneur"),
        (f"<Наименование>ип Иванова</Наименование>{INN_12}", "entrepreneur"),
        (f"<ОфициальноеНаименование>ИП Иванова</ОфициальноеНаименование>{INN_12}", "entrepreneur"),
        (
            f"<ПолноеНаименование>Индивидуальный предприниматель Иванова</ПолноеНаименование>{INN_12}",
            "entrepreneur",
        ),
        (f"<ПолноеНаименование>Иванова Анна</ПолноеНаименование>{INN_12}", "individual"),
        (f"<Наименование>Ипатова Анна</Наименование>{INN_12}", "individual"),
        (INN_12, "individual"),
        ("<ПолноеНаименование>Иванова Анна</ПолноеНаименование>", None),
        ("<Наименование>Анна</Наименование><ИНН>123</ИНН>", None),
    ],
)
def test_the_kind_follows_from_names_and_inn(read_customer, inside, kind):
    assert read_customer(inside).kind == kind


@pytest.mark.parametrize(
    ("roles", "is_customer"),
    [
        ("<Роль>Покупатель</Роль>", True),
        ("<Роль>покупатель</Роль>", True),
        ("<Роль> ПОКУПАТЕЛЬ </Роль>", True),
        ("", True),
        ("<Роль/>", True),
        ("<Роли/>", True),
        ("<Роль>Поставщик</Роль><Роль>Покупатель</Роль>", True),
        ("<Роли><Роль>Поставщик</Роль><Роль>Покупатель</Роль></Роли>", True),
        ("<Роль>Поставщик</Роль>", False),
        ("<Роль>Продавец</Роль>", False),
        ("<Роль>Покупатель-конкурент</Роль>", False),
        ("<Роль>Поставщик</Роль><Роль>Прочее</Роль>", False),
        ("<Роли><Роль>Поставщик</Роль></Роли>", False),
    ],
)
def test_only_a_buyer_is_a_customer_and_no_role_is_one_too(read_contragent, roles, is_customer):
    (fact,) = read_contragent(f"<Наименование>Анна</Наименование>{roles}")
    assert isinstance(fact, Customer if is_customer else NotForUs)


def test_the_roles_are_kept_as_they_were_written(read_customer):
    customer = read_customer("<Роль>Поставщик</Роль><Роль>ПОКУПАТЕЛЬ</Роль>")
    assert customer.roles == ("Поставщик", "ПОКУПАТЕЛЬ")


def test_who_is_not_for_us_is_named_by_id_and_line_alone(read_contragent):
    (fact,) = read_contragent("<Наименование>Анна</Наименование><Роль>Поставщик</Роль>")
    assert fact == NotForUs("customer", "1", 1)


@pytest.mark.parametrize(
    ("inn", "valid"),
    [
        ("7707083893", True),
        ("7707083894", False),
        ("500100732259", True),
        ("500100732258", False),
        ("500100732249", False),
        ("0000000000", True),
        ("770708389", False),
        ("77070838930", False),
        ("770708389A", False),
        ("٧٧٠٧٠٨٣٨٩٣", False),
        ("", False),
    ],
)
def test_an_inn_has_control_digits(inn, valid):
    assert is_valid_inn(inn) is valid


def test_an_invalid_inn_costs_nothing_but_the_mark(read_customer):
    customer = read_customer("<ИНН>7707083894</ИНН>")
    assert (customer.inn, customer.inn_valid) == ("7707083894", False)


@pytest.mark.parametrize("tag", ["ОКПО", "КодПоОКПО"])
def test_okpo_goes_by_two_names(read_customer, tag):
    assert read_customer(f"<{tag}>00032537</{tag}>").okpo == "00032537"


@pytest.mark.parametrize(
    ("values", "email"),
    [
        (["buyer@example.com"], "buyer@example.com"),
        (["BUYER@Example.COM"], "buyer@example.com"),
        (["Анна <anna@example.com>"], "anna@example.com"),
        (["mailto:anna@example.com"], "anna@example.com"),
        (["a@example.com, b@example.com"], "a@example.com"),
        (["a@example.com;b@example.com"], "a@example.com"),
        (["anna@example.com."], "anna@example.com"),
        (["почта@пример.рф"], "почта@пример.рф"),
        (["anna@xn--e1afmkfd.xn--p1ai"], "anna@xn--e1afmkfd.xn--p1ai"),
        (["a.b+c@mail.example.co.uk"], "a.b+c@mail.example.co.uk"),
        (["101000, Москва, Тверская, 1", "anna@example.com"], "anna@example.com"),
        (["101000, Москва, Тверская, 1"], None),
        (["anna@"], None),
        (["@example.com"], None),
        (["anna@example"], None),
        (["anna@@example.com"], None),
        (["anna@example..com"], None),
        (["anna @ example.com"], None),
        (["нет"], None),
        ([""], None),
        ([], None),
    ],
)
def test_an_email_is_told_from_a_postal_address_by_its_value(read_customer, values, email):
    contacts = "".join(
        f"<Контакт><Тип>Почта</Тип><Значение><![CDATA[{value}]]></Значение></Контакт>" for value in values
    )
    assert read_customer(f"<Контакты>{contacts}</Контакты>").email == email


def test_an_invalid_email_never_costs_the_row_and_stays_among_the_contacts(read_customer):
    customer = read_customer(
        "<Наименование>Анна</Наименование>"
        "<Контакты><Контакт><Тип>Почта</Тип><Значение>anna@@example</Значение></Контакт></Контакты>"
    )
    assert (customer.name, customer.email, customer.contacts) == (
        "Анна",
        None,
        [{"type": "Почта", "value": "anna@@example"}],
    )


@pytest.mark.parametrize(
    ("stated", "phone"),
    [
        ("8 (912) 000-00-00", "+79120000000"),
        ("+7 912 000 00 00", "+79120000000"),
        ("79120000000", "+79120000000"),
        ("9120000000", "+79120000000"),
        ("8-800-555-35-35, доб. 12", "+78005553535"),
        ("8 495 123-45-67 Доб.12", "+74951234567"),
        ("+7 912 000-00-00; +7 912 111-11-11", "+79120000000"),
        ("+375 29 123-45-67", "+375291234567"),
        ("+49 30 123456", "+4930123456"),
        ("+49 30 12345", "+493012345"),
        ("123-45-67", "1234567"),
        ("112", None),
        ("доб. 12", None),
        ("нет", None),
        ("", None),
        ("8 912 000 00 00 8 912 111 11 11", None),
        ("9" * 100_000, None),
    ],
)
def test_a_phone_is_normalised(stated, phone):
    assert normalise_phone(stated) == phone


@pytest.mark.parametrize(
    ("contacts", "phone"),
    [
        ([("Почта", "a@example.com"), ("ТелефонРабочий", "8 912 000-00-00")], "+79120000000"),
        ([("Мобильный", "8 912 000-00-00")], "+79120000000"),
        ([("Телефон", "нет"), ("Телефон мобильный", "8 912 000-00-00")], "+79120000000"),
        ([("Телефон", "8 912 000-00-00"), ("Телефон", "8 912 111-11-11")], "+79120000000"),
        ([("Факс", "8 912 000-00-00")], None),
        ([("Почта", "101000, Москва, Тверская, 1")], None),
    ],
)
def test_the_first_contact_that_is_a_phone_counts(read_customer, contacts, phone):
    listed = "".join(f"<Контакт><Тип>{kind}</Тип><Значение>{value}</Значение></Контакт>" for kind, value in contacts)
    customer = read_customer(f"<Контакты>{listed}</Контакты>")
    assert customer.phone == phone
    assert customer.contacts == [{"type": kind, "value": value} for kind, value in contacts]


@pytest.mark.parametrize("tag", ["АдресРегистрации", "ЮридическийАдрес", "ФактическийАдрес", "Адрес"])
@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("Химки, Ленина, 2", {"text": "Химки, Ленина, 2"}),
        ("<Представление>Химки, Ленина, 2</Представление>", {"text": "Химки, Ленина, 2"}),
        (
            "<АдресноеПоле><Тип>Город</Тип><Значение>Химки</Значение></АдресноеПоле><АдресноеПоле/>",
            {"fields": {"Город": "Химки"}},
        ),
        ("<Комментарий>вход со двора</Комментарий><Страна>РОССИЯ</Страна>", {"comment": "вход со двора"}),
        ("<Представление/>", None),
        ("", None),
    ],
)
def test_an_address_is_text_or_fields_under_any_of_its_names(read_customer, tag, inside, expected):
    addresses = read_customer(f"<{tag}>{inside}</{tag}>").addresses
    assert addresses == ([{"kind": tag, **expected}] if expected else None)


def test_a_tag_that_repeats_in_a_list_becomes_a_list(read_customer):
    customer = read_customer(
        "<Представители><Представитель><Имя>А</Имя><Имя>Б</Имя><Имя>В</Имя><Пусто/></Представитель></Представители>"
    )
    assert customer.representatives == [{"kind": "Представитель", "Имя": ["А", "Б", "В"]}]


PERSONAL = "<Наименование>Анна Иванова</Наименование><ИНН>500100732259</ИНН>"


@pytest.mark.parametrize(
    ("onec_id", "reason"),
    [
        ("", "нет Ид"),
        ("<Ид> </Ид>", "нет Ид"),
        (f"<Ид>{'1#anna@example.com#Анна Иванова' * 100}</Ид>", "Ид длиннее 1024 байт"),
    ],
)
def test_a_refusal_gives_reason_and_line_and_no_personal_data_outside_its_payload(read_contragent, onec_id, reason):
    (refusal,) = read_contragent(PERSONAL, onec_id)
    assert isinstance(refusal, Rejection)
    assert (refusal.entity, refusal.onec_id, refusal.cell, refusal.reason, refusal.line) == (
        "customer",
        None,
        None,
        reason,
        1,
    )
    assert refusal.payload["name"] == "Анна Иванова"


def test_an_overlong_inn_is_kept_as_it_was_sent_and_is_not_valid(read_contragent):
    (customer,) = read_contragent(f"<ИНН>{'9' * 5000}</ИНН>")
    assert (customer.inn, customer.inn_valid) == ("9" * 5000, False)


def test_a_list_that_comes_in_several_blocks_is_one(read_customer):
    customer = read_customer("""
        <Контакты><Контакт><Тип>Почта</Тип><Значение>one@example.com</Значение></Контакт></Контакты>
        <Контакты><Контакт><Тип>Телефон</Тип><Значение>8 912 000-00-00</Значение></Контакт></Контакты>
        <Контакты/>""")
    assert [contact["value"] for contact in customer.contacts] == ["one@example.com", "8 912 000-00-00"]
    assert (customer.email, customer.phone) == ("one@example.com", "+79120000000")


def test_an_entry_of_a_list_that_is_mere_text_keeps_it(read_customer):
    customer = read_customer("<Представители><Представитель> Анна </Представитель><Представитель/></Представители>")
    assert customer.representatives == [{"kind": "Представитель", "text": "Анна"}, {"kind": "Представитель"}]


def test_an_unknown_element_is_reported_by_its_name(read_contragent):
    unhandled, customer = read_contragent("<Наименование>Анна</Наименование><ЛюбимыйЦвет>синий</ЛюбимыйЦвет>")
    assert (unhandled, customer.name) == (Unhandled("Контрагент/ЛюбимыйЦвет"), "Анна")


def test_what_1c_writes_into_contragents_is_known(read_contragent):
    facts = read_contragent("".join(f"<{tag}/>" for tag in sorted(customers.IGNORED)))
    assert [type(fact) for fact in facts] == [Customer]


def test_a_contact_of_a_megabyte_is_read_in_bounded_time(read_customer):
    customer = read_customer(
        f"<Контакты><Контакт><Тип>Телефон</Тип><Значение>{'a' * 1_000_000}</Значение></Контакт></Контакты>"
    )
    assert (customer.email, customer.phone) == (None, None)


def test_the_flag_of_changes_stands_on_the_list_of_contragents(read):
    (package,) = read(customers.READERS, '<Контрагенты СодержитТолькоИзменения="true"/>')
    assert package.changes_only
    assert "Контрагенты" in package.lists
