"""Customers among the contragents."""

import pytest

from onec_pipelines.commerceml import customers
from onec_pipelines.commerceml.records import Customer, NotForUs, Package, Rejection


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
        stated_kind="legal_entity",
        name="Ромашка",
        full_name='ООО "Ромашка"',
        inn="7707083893",
        inn_scheme="ru_inn",
        inn_valid=True,
        kpp="770701001",
        okpo="00032537",
        email="buyer@example.com",
        phone="+79120000000",
        roles=("Покупатель",),
        addresses={
            "АдресРегистрации": [
                {
                    "kind": "АдресРегистрации",
                    "text": "Москва, Тверская, 1",
                    "comment": "вход со двора",
                    "fields": {"Город": "Москва"},
                }
            ],
            "Адрес": [{"kind": "Адрес", "text": "Химки, Ленина, 2"}],
            "ФактическийАдрес": [],
        },
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
        extra={"Комментарий": "постоянный"},
        deleted=False,
        line=1,
    )


def test_what_is_not_stated_is_none(read_customer):
    customer = read_customer("<Наименование>Анна</Наименование>")
    stated = {field for field in Customer._fields if getattr(customer, field) is not None}
    assert stated == {"onec_id", "name", "addresses", "extra", "deleted", "line"}
    assert (customer.addresses, customer.extra) == ({}, {})


def test_what_is_stated_empty_is_empty(read_customer):
    customer = read_customer(
        "<Наименование/><ОфициальноеНаименование/><ИНН/><КПП/><ОКПО/><Роль/><Адрес/><Контакты/><РасчетныеСчета/>"
        "<Представители/><Менеджер/>"
    )
    assert (customer.name, customer.full_name, customer.inn, customer.kpp, customer.okpo) == ("", "", "", "", "")
    assert (customer.stated_kind, customer.inn_scheme, customer.inn_valid) == ("", "", None)
    assert (customer.roles, customer.addresses, customer.extra) == ((), {"Адрес": []}, {"Менеджер": None})
    assert (customer.contacts, customer.email, customer.phone) == ([], "", "")
    assert (customer.bank_accounts, customer.representatives) == ([], [])


@pytest.mark.parametrize(
    ("inside", "kind"),
    [
        ("<ОфициальноеНаименование>ООО Мяч</ОфициальноеНаименование>", "legal_entity"),
        ("<ОфициальноеНаименование>ТОО «ИП Сервис»</ОфициальноеНаименование>", "legal_entity"),
        ("<РеквизитыЮрЛица><ИНН>500100732259</ИНН></РеквизитыЮрЛица>", "legal_entity"),
        ("<ОфициальноеНаименование>ИП Иванова</ОфициальноеНаименование>", "entrepreneur"),
        ("<ПолноеНаименование>ИП Иванова Анна</ПолноеНаименование>", "entrepreneur"),
        ("<Наименование>Иванова Анна ИП</Наименование>", "entrepreneur"),
        ("<Наименование>Магазин (ип Иванова)</Наименование>", "entrepreneur"),
        ("<ПолноеНаименование>Индивидуальный предприниматель Иванова</ПолноеНаименование>", "entrepreneur"),
        ("<ОфициальноеНаименование>Индивидуальный предприниматель Иванова</ОфициальноеНаименование>", "entrepreneur"),
        ("<Наименование>Глава КФХ Иванов</Наименование>", "entrepreneur"),
        ("<Наименование>ПБОЮЛ Иванов</Наименование>", "entrepreneur"),
        ("<Наименование>ФОП Іваненко</Наименование>", "entrepreneur"),
        ("<РеквизитыФизЛица><ПолноеНаименование>ИП Иванов</ПолноеНаименование></РеквизитыФизЛица>", "entrepreneur"),
        ("<РеквизитыФизЛица><Фамилия>Иванов</Фамилия></РеквизитыФизЛица>", "individual"),
        ("<ПолноеНаименование>Иванова Анна</ПолноеНаименование>", ""),
        ("<ОфициальноеНаименование/>", ""),
        ("<Наименование>Ипатова Анна</Наименование>", None),
        ("<ИНН>7707083893</ИНН>", None),
    ],
)
def test_names_and_elements_say_the_kind(read_customer, inside, kind):
    assert read_customer(inside).stated_kind == kind


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
        ("<Роль>Покупатель, Поставщик</Роль>", True),
        ("<Роль>Поставщик/Покупатель</Роль>", True),
        ("<Роль>Поставщик и покупатель</Роль>", True),
        ("<Роль>Поставщик, Прочее</Роль>", False),
        ("<Роль>Поставщик</Роль><Роль>Прочее</Роль>", False),
        ("<ЭтоГруппа>true</ЭтоГруппа>", False),
        ("<ЭтоГруппа>false</ЭтоГруппа>", True),
        ("<Роли><Роль>Поставщик</Роль></Роли>", False),
    ],
)
def test_only_a_buyer_is_a_customer_and_no_role_is_one_too(read_contragent, roles, is_customer):
    (fact,) = read_contragent(f"<Наименование>Анна</Наименование>{roles}")
    assert isinstance(fact, Customer if is_customer else NotForUs)


def test_the_roles_are_kept_as_they_were_written(read_customer):
    customer = read_customer("<Роль>Поставщик</Роль><Роль>ПОКУПАТЕЛЬ, Прочее</Роль>")
    assert customer.roles == ("Поставщик", "ПОКУПАТЕЛЬ", "Прочее")


def test_who_is_not_for_us_is_named_by_id_role_and_line_alone(read_contragent):
    (fact,) = read_contragent("<Наименование>Анна</Наименование><Роль>Поставщик</Роль>")
    assert fact == NotForUs("customer", "1", ("Поставщик",), 1)


def test_an_invalid_inn_costs_nothing_but_the_mark(read_customer):
    customer = read_customer("<ИНН>7707083894</ИНН>")
    assert (customer.inn, customer.inn_valid) == ("7707083894", False)


@pytest.mark.parametrize("tag", ["ОКПО", "КодПоОКПО"])
def test_okpo_goes_by_two_names(read_customer, tag):
    assert read_customer(f"<{tag}>00032537</{tag}>").okpo == "00032537"


def contacts_of(contacts):
    listed = "".join(f"<Контакт><Тип>{kind}</Тип><Значение>{value}</Значение></Контакт>" for kind, value in contacts)
    return f"<Контакты>{listed}</Контакты>"


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
        (["101000, Москва, Тверская, 1"], ""),
        (["anna@"], ""),
        (["@example.com"], ""),
        (["anna@example"], ""),
        (["anna@@example.com"], ""),
        (["anna@example..com"], ""),
        (["anna @ example.com"], ""),
        (["нет"], ""),
        ([""], ""),
        ([], ""),
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
        "",
        [{"type": "Почта", "value": "anna@@example"}],
    )


@pytest.mark.parametrize(
    ("contacts", "email"),
    [
        ([("Jabber", "anna@example.com")], ""),
        ([("Skype", "live:anna@example.com")], ""),
        ([("Сайт", "https://anna@example.com/")], ""),
        ([("", "https://example.com/?to=anna@example.com")], ""),
        ([("", "xmpp:anna@example.com")], ""),
        ([("", "anna@example.com/Home")], ""),
        ([("Jabber", "anna@example.com"), ("E-mail", "anna@example.org")], "anna@example.org"),
        ([("Почта для сайта", "anna@example.com")], "anna@example.com"),
        ([("", "anna@example.com")], "anna@example.com"),
        ([("Прочее", "one@example.com"), ("Почта", "two@example.com")], "two@example.com"),
        ([("Почта", "one@example.com/two@example.com")], "one@example.com"),
    ],
)
def test_an_email_is_that_of_a_contact_which_is_one(read_customer, contacts, email):
    assert read_customer(contacts_of(contacts)).email == email


@pytest.mark.parametrize(
    ("contacts", "phone"),
    [
        ([("Почта", "a@example.com"), ("ТелефонРабочий", "8 912 000-00-00")], "+79120000000"),
        ([("Мобильный", "8 912 000-00-00")], "+79120000000"),
        ([("Сотовый", "8 912 000-00-00")], "+79120000000"),
        ([("", "8 912 000-00-00")], "+79120000000"),
        ([("Телефон", "нет"), ("Телефон мобильный", "8 912 000-00-00")], "+79120000000"),
        ([("Телефон", "8 912 000-00-00"), ("Телефон", "8 912 111-11-11")], "+79120000000"),
        ([("Телефон внутренний", "8 912 111-11-11"), ("Телефон рабочий", "8 912 000-00-00")], "+79120000000"),
        ([("Телефон внутренний", "8 912 000-00-00")], "+79120000000"),
        ([("Факс", "8 912 000-00-00")], ""),
        ([("Телефакс", "8 912 000-00-00")], ""),
        ([("Телеграм", "8 912 000-00-00")], ""),
        ([("Почта", "101000, Москва, Тверская, 1")], ""),
    ],
)
def test_the_first_contact_that_is_a_phone_counts(read_customer, contacts, phone):
    assert read_customer(contacts_of(contacts)).phone == phone


@pytest.mark.parametrize(
    ("inside", "contact"),
    [
        ("<КонтактВид>Телефон</КонтактВид><Значение>1</Значение>", {"type": "Телефон", "value": "1"}),
        ("<Тип>Телефон</Тип><Представление>1</Представление>", {"type": "Телефон", "value": "1"}),
        (
            "<Тип>Телефон</Тип><Значение>1</Значение><Представление>один</Представление>",
            {"type": "Телефон", "value": "1", "Представление": "один"},
        ),
        ("<Тип>Телефон</Тип><Значение/>", {"type": "Телефон"}),
        ("<Значение>1</Значение><Страна>РФ</Страна>", {"value": "1", "Страна": "РФ"}),
    ],
)
def test_a_contact_is_kept_with_all_that_it_states(read_customer, inside, contact):
    assert read_customer(f"<Контакты><Контакт>{inside}</Контакт><Контакт/></Контакты>").contacts == [contact]


def test_a_contact_may_be_called_what_it_is(read_customer):
    customer = read_customer("<Контакты><ТелефонРабочий>8 912 000-00-00</ТелефонРабочий></Контакты>")
    assert customer.contacts == [{"value": "8 912 000-00-00", "type": "ТелефонРабочий"}]
    assert customer.phone == "+79120000000"


@pytest.mark.parametrize("tag", ["АдресРегистрации", "ЮридическийАдрес", "АдресДоставки", "ПочтовыйАдрес", "Адрес"])
@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("Химки, Ленина, 2", {"text": "Химки, Ленина, 2"}),
        ("<Представление>Химки, Ленина, 2</Представление>", {"text": "Химки, Ленина, 2"}),
        (
            "<АдресноеПоле><Тип>Город</Тип><Значение>Химки</Значение></АдресноеПоле><АдресноеПоле/>",
            {"fields": {"Город": "Химки"}},
        ),
        (
            "<Комментарий>вход со двора</Комментарий><Страна>РОССИЯ</Страна><Значение>{}</Значение>",
            {"comment": "вход со двора", "value": "{}", "fields": {"Страна": "РОССИЯ"}},
        ),
        (
            "<АдресноеПоле><Тип>Корпус</Тип><Значение>1</Значение></АдресноеПоле>" * 2,
            {"fields": {"Корпус": ["1", "1"]}},
        ),
        ("<Представление/>", None),
        ("", None),
    ],
)
def test_an_address_is_text_or_fields_under_any_of_its_names(read_customer, tag, inside, expected):
    addresses = read_customer(f"<{tag}>{inside}</{tag}>").addresses
    assert addresses == {tag: [{"kind": tag, **expected}] if expected else []}


def test_addresses_may_stand_in_a_list(read_customer):
    customer = read_customer("<Адреса><Адрес>Химки</Адрес><Адрес>Тула</Адрес></Адреса>")
    assert customer.addresses == {"Адрес": [{"kind": "Адрес", "text": "Химки"}, {"kind": "Адрес", "text": "Тула"}]}


def test_an_empty_list_of_addresses_says_that_there_is_none(read_customer):
    assert read_customer("<Адреса/>").addresses == {"Адрес": []}


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


@pytest.mark.parametrize("kpp", ["", "<КПП/>", "<КПП>770101001</КПП>"])
def test_inn_and_kpp_in_one_element_are_two(read_customer, kpp):
    customer = read_customer(f"<ИНН>7701000009/770101001</ИНН>{kpp}")
    assert (customer.inn, customer.kpp) == ("7701000009", "770101001")


@pytest.mark.parametrize("kpp", ["0", "-", "000000000"])
def test_a_kpp_that_says_nothing_is_stated_empty(read_customer, kpp):
    assert read_customer(f"<КПП>{kpp}</КПП>").kpp == ""


@pytest.mark.parametrize("tag", ["РеквизитыЮрЛица", "РеквизитыФизЛица"])
def test_what_stands_in_requisites_is_the_contragent_s(read_customer, tag):
    customer = read_customer(
        f"<{tag}><ПолноеНаименование>Анна</ПолноеНаименование><ИНН>7707083893</ИНН><Адрес>Химки</Адрес>"
        f"<РасчетныеСчета><Счет>4070</Счет></РасчетныеСчета><ОКВЭД>1</ОКВЭД></{tag}>"
    )
    assert (customer.full_name, customer.inn) == ("Анна", "7707083893")
    assert customer.addresses == {"Адрес": [{"kind": "Адрес", "text": "Химки"}]}
    assert (customer.bank_accounts, customer.extra) == ([{"kind": "Счет", "text": "4070"}], {"ОКВЭД": "1"})


def test_what_has_no_column_is_kept_by_element(read_customer):
    customer = read_customer("""
        <Менеджер>Петров</Менеджер><Соглашение Номер="7"><Ид>s</Ид></Соглашение>
        <ВидЦен>Опт</ВидЦен><ВидЦен>Розница</ВидЦен><Статус>Активен</Статус><Скидка Размер="5">да</Скидка>""")
    assert customer.extra == {
        "Менеджер": "Петров",
        "Соглашение": {"Номер": "7", "Ид": "s"},
        "ВидЦен": ["Опт", "Розница"],
        "Статус": "Активен",
        "Скидка": {"Размер": "5", "text": "да"},
    }


def test_of_two_surnames_the_first_counts(read_customer):
    customer = read_customer(
        "<Фамилия/><РеквизитыФизЛица><Фамилия>Один</Фамилия></РеквизитыФизЛица><Фамилия>Два</Фамилия>"
    )
    assert customer.extra == {"Фамилия": "Один"}


def test_the_region_reads_the_phones(read):
    contact = "<Контакты><Контакт><Тип>Телефон</Тип><Значение>029 123-45-67</Значение></Контакт></Контакты>"
    listed = f"<Контрагенты><Контрагент><Ид>1</Ид>{contact}</Контрагент></Контрагенты>"
    assert read(customers.readers("BY"), listed)[0].phone == "+375291234567"


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


def test_a_contact_of_a_megabyte_is_read_in_bounded_time(read_customer):
    customer = read_customer(
        f"<Контакты><Контакт><Тип>Телефон</Тип><Значение>{'a' * 1_000_000}</Значение></Контакт></Контакты>"
    )
    assert (customer.email, customer.phone) == ("", "")


def test_the_flag_of_changes_stands_on_the_list_of_contragents(read):
    (package,) = read(customers.READERS, '<Контрагенты СодержитТолькоИзменения="true"/>')
    assert package.changes_only
    assert "Контрагенты" in package.lists
