"""What may stand in a text stands in the table as it was sent: SQL, formats, COPY's marks, control characters, 1 MB.

XML itself makes LF of a line's end, and we trim; NUL cannot stand in XML and is refused with the file's name.
"""

from html import escape

import pytest

TEXTS = [
    "'; drop table onec.products; --",
    "Robert'); select pg_sleep(10); --",
    "%s %(name)s %% {0} {name} $1 :name ?",
    r"\N",
    r"\.",
    r"a\tb\nc\\ \x00 \u0000",
    "tab\there, line\nthere, return\rback",
    "\"double\" 'single' `back` «ёлочки»",
    "<b>жирный</b> &amp; &lt; ]]> <!-- -->",
    "comma,semicolon;pipe|brace{}[]",
    "😀 \u200b\u202e\ufeff\u0301 İıſ",
    "\u00a0\u2028\u2029\u0085.",
    "null",
    "х" * 500,
]


def good(number: int, text: str) -> str:
    text = escape(text).replace("\r", "&#13;").replace("\n", "&#10;")
    return (
        f"<Товар><Ид>good-{number}</Ид><Артикул>{text}</Артикул><Наименование>{text}</Наименование>"
        f"<Описание>{text}</Описание><Штрихкод>{text}</Штрихкод><Страна>{text}</Страна>"
        f"<Изготовитель><Ид>m{number}</Ид><Наименование>{text}</Наименование></Изготовитель>"
        f"<ЗначенияСвойств><ЗначенияСвойства><Ид>p</Ид><Значение>{text}</Значение></ЗначенияСвойства></ЗначенияСвойств>"
        f"<ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>{text[:200]}</Наименование><Значение>{text}</Значение>"
        "</ЗначениеРеквизита></ЗначенияРеквизитов></Товар>"
    )


def customer(number: int, text: str) -> str:
    text = escape(text).replace("\r", "&#13;").replace("\n", "&#10;")
    return (
        f"<Контрагент><Ид>c{number}</Ид><Роль>Покупатель</Роль><Наименование>{text}</Наименование>"
        f"<ПолноеНаименование>{text}</ПолноеНаименование></Контрагент>"
    )


@pytest.fixture
def texts(tmp_path, write_shop, shop):
    """Write these goods and customers into an export of the shop."""
    export = write_shop(tmp_path / "export", "a", goods=0, images=0)
    shop.versions = {"texts": export}

    def write(goods: str, customers: str = "") -> None:
        head = '<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация>'
        (export / "goods/goods_1_1.xml").write_text(
            f"{head}<Каталог><Товары>{goods}</Товары></Каталог></КоммерческаяИнформация>", encoding="utf-8", newline=""
        )
        (export / "contragents/contragents_1.xml").write_text(
            f"{head}<Контрагенты>{customers}</Контрагенты></КоммерческаяИнформация>", encoding="utf-8", newline=""
        )

    return write


def test_every_text_of_a_good_is_stored_as_it_was_sent(texts, shop, driver):
    texts("".join(good(number, text) for number, text in enumerate(TEXTS)))
    report = driver.order(shop.order("catalog", "texts"))["report"]
    assert (report["counters"]["created"], report["counters"]["errors"]) == (len(TEXTS), 0)
    stored = shop.connection.execute(
        "select article, name, description, barcode, country, properties->>'p' from onec.products "
        "order by substr(onec_id, 6)::integer"
    ).fetchall()
    assert stored == [(text.strip(),) * 6 for text in TEXTS]
    requisites = shop.rows("select requisites from onec.products order by substr(onec_id, 6)::integer")
    assert list(map(dict, requisites))[:5] == [{text[:200]: text} for text in TEXTS[:5]]
    again = driver.order(shop.order("catalog", "texts", force=True))["report"]["counters"]
    assert (again["created"], again["updated"]) == (0, 0)
    shop.settle()


def test_every_text_of_a_customer_is_stored_as_it_was_sent(texts, shop, driver):
    texts("", "".join(customer(number, text) for number, text in enumerate(TEXTS)))
    report = driver.order(shop.order("customers", "texts"))["report"]
    assert (report["counters"]["created"], report["counters"]["errors"]) == (len(TEXTS), 0)
    stored = shop.rows("select name, full_name from onec.customers order by substr(onec_id, 2)::integer")
    assert stored == [(text.strip(),) * 2 for text in TEXTS]
    shop.settle()


def test_a_description_of_1_mb_is_stored_as_it_was_sent(texts, shop, driver):
    description = "Стул\n'%s'\t" * 80_000
    texts(f"<Товар><Ид>g</Ид><Наименование>Стул</Наименование><Описание>{description}</Описание></Товар>")
    assert driver.order(shop.order("catalog", "texts"))["report"]["counters"]["errors"] == 0
    assert shop.rows("select description from onec.products") == [description.strip()]
    assert len(description.encode()) > 1_000_000
    shop.settle()


@pytest.mark.parametrize("nul", ["\0", "&#0;", "&#x0;"])
def test_a_nul_is_left_out_and_keeps_nothing_else_out(nul, texts, shop, driver):
    texts(f"<Товар><Ид>good-1</Ид><Наименование>Стул{nul}</Наименование></Товар>")
    (notice,) = driver.order(shop.order("catalog", "texts"))["report"]["notices"]
    assert notice.startswith("Файл goods/goods_1_1.xml исправлен при чтении")
    assert shop.rows("select name from onec.products") == ["Стул"]
    shop.settle()
