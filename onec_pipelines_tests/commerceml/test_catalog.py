"""Goods, offers, groups, units and property dictionaries."""

import pytest

from onec_pipelines.commerceml import catalog
from onec_pipelines.commerceml.records import (
    Category,
    Good,
    Offer,
    Package,
    Property,
    PropertyValue,
    Rejection,
    Unhandled,
    Unit,
)
from onec_pipelines.commerceml.values import MAX_ID_BYTES, ZERO_GUID

OVERLONG = "x" * (MAX_ID_BYTES + 1)
LONG = "о" * 100_000
"""Longer than what the parser reads at once: what stands behind it is not known before it."""


@pytest.fixture
def read_facts(read):
    """Read the facts of what stands in a catalogue, a package of offers or a classifier, without the container."""

    def read_facts(container, inside, readers=catalog.READERS):
        return [fact for fact in read(readers, container.format(inside)) if not isinstance(fact, Package)]

    return read_facts


@pytest.fixture
def read_goods(read_facts):
    return lambda inside: read_facts("<Каталог><Товары>{}</Товары></Каталог>", inside)


@pytest.fixture
def read_good(read_goods):
    """Read the good with an id, a name and what stands in it; other facts are left out."""

    def read_good(inside):
        facts = read_goods(f"<Товар><Ид>1</Ид><Наименование>Мяч</Наименование>{inside}</Товар>")
        (good,) = (fact for fact in facts if isinstance(fact, Good))
        return good

    return read_good


@pytest.fixture
def read_offers(read_facts):
    def read_offers(inside, readers=catalog.READERS):
        return read_facts("<ПакетПредложений><Предложения>{}</Предложения></ПакетПредложений>", inside, readers)

    return read_offers


@pytest.fixture
def read_classifier(read_facts):
    return lambda inside: read_facts("<Классификатор>{}</Классификатор>", inside)


def test_a_good_of_3_1_is_read_with_all_that_it_states(read_goods):
    (good,) = read_goods(
        """
        <Товар>
          <Ид>018d777d-9094-11ec-a2ff-04421a23d8e8</Ид>
          <НомерВерсии>AAAAAAADVk8=</НомерВерсии>
          <ПометкаУдаления>false</ПометкаУдаления>
          <Штрихкод>4680006251019</Штрихкод>
          <Артикул> 50-19 </Артикул>
          <Наименование> Мяч футбольный </Наименование>
          <БазоваяЕдиница>796 </БазоваяЕдиница>
          <Группы><Ид>g1</Ид><Ид>g2</Ид><Ид>g1</Ид><Ид/></Группы>
          <Категория>вид номенклатуры</Категория>
          <Описание>&lt;p&gt;Хлопок&amp;nbsp;100&#160;%&lt;/p&gt;</Описание>
          <Картинка>import_files/01/a.jpg</Картинка>
          <Картинка/>
          <Картинка>import_files/01/b.png</Картинка>
          <Страна>РОССИЯ</Страна>
          <Изготовитель>
            <Ид>m1</Ид><Наименование>BoyBo</Наименование><ОфициальноеНаименование>ООО «БойБо»</ОфициальноеНаименование>
          </Изготовитель>
          <ЗначенияСвойств>
            <ЗначенияСвойства><Ид>colour</Ид><Значение>c1</Значение></ЗначенияСвойства>
            <ЗначенияСвойства><Ид>purpose</Ид><Значение>p1</Значение><Значение>p2</Значение></ЗначенияСвойства>
            <ЗначенияСвойства><Ид>empty</Ид><Значение/></ЗначенияСвойства>
          </ЗначенияСвойств>
          <СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование><Ставка>20</Ставка></СтавкаНалога></СтавкиНалогов>
          <ЗначенияРеквизитов>
            <ЗначениеРеквизита><Наименование>Вес</Наименование><Значение>0.4</Значение></ЗначениеРеквизита>
            <ЗначениеРеквизита><Наименование>ОписаниеФайла</Наименование><Значение>a.jpg#1</Значение></ЗначениеРеквизита>
            <ЗначениеРеквизита><Наименование>ОписаниеФайла</Наименование><Значение>b.png#2</Значение></ЗначениеРеквизита>
            <ЗначениеРеквизита><Наименование>Пусто</Наименование><Значение/></ЗначениеРеквизита>
          </ЗначенияРеквизитов>
          <Ширина>10.5</Ширина><Длина>-999 999 999,9</Длина><Высота/>
        </Товар>"""
    )
    assert good == Good(
        onec_id="018d777d-9094-11ec-a2ff-04421a23d8e8",
        code=None,
        article="50-19",
        name="Мяч футбольный",
        description="<p>Хлопок&nbsp;100\u00a0%</p>",
        barcode="4680006251019",
        group_onec_ids=("g1", "g2"),
        unit_code="796",
        brand_onec_id="m1",
        brand_name="BoyBo",
        vat="20",
        vat_rate="20",
        country="РОССИЯ",
        manufacturer="BoyBo",
        properties={"colour": "c1", "purpose": ["p1", "p2"]},
        requisites={"Вес": "0.4", "ОписаниеФайла": ["a.jpg#1", "b.png#2"]},
        dimensions={"Ширина": "10.5"},
        images=("import_files/01/a.jpg", "import_files/01/b.png"),
        extra={"Категория": "вид номенклатуры", "Изготовитель": {"ОфициальноеНаименование": "ООО «БойБо»"}},
        variant_onec_id=None,
        deleted=False,
        line=2,
    )


def test_a_good_that_states_only_its_id_and_its_name_is_otherwise_empty(read_good):
    assert read_good("") == Good(
        onec_id="1",
        code=None,
        article=None,
        name="Мяч",
        description=None,
        barcode=None,
        group_onec_ids=(),
        unit_code=None,
        brand_onec_id=None,
        brand_name=None,
        vat=None,
        vat_rate=None,
        country=None,
        manufacturer=None,
        properties={},
        requisites={},
        dimensions={},
        images=None,
        extra={},
        variant_onec_id=None,
        deleted=False,
        line=1,
    )


@pytest.mark.parametrize(
    ("stated", "description"),
    [
        ("Стул <b>дубовый</b>, белый", "Стул дубовый, белый"),
        ("<p>Стул</p> <p>и <i>стол</i></p>", "Стул и стол"),
        ("<![CDATA[<p>Стул</p>]]>", "<p>Стул</p>"),
        ("<br/>", None),
    ],
)
def test_of_unescaped_markup_all_of_the_text_is_read(read_good, stated, description):
    assert read_good(f"<Описание>{stated}</Описание>").description == description


@pytest.mark.parametrize("tag", ["Штрихкод", "ШтрихКод"])
def test_a_barcode_goes_by_two_spellings(read_good, tag):
    assert read_good(f"<{tag}>4600000000015</{tag}>").barcode == "4600000000015"


@pytest.mark.parametrize(
    ("good", "onec_id", "reason"),
    [
        ("<Товар><Наименование>Мяч</Наименование></Товар>", None, "нет Ид"),
        ("<Товар><Ид> </Ид><Наименование>Мяч</Наименование></Товар>", None, "нет Ид"),
        ("<Товар><Ид>1</Ид></Товар>", "1", "нет Наименования"),
        ("<Товар><Ид>1</Ид><Наименование> </Наименование></Товар>", "1", "нет Наименования"),
        ("<Товар><Ид>#char</Ид><Наименование>Мяч</Наименование></Товар>", "#char", "нет Ид"),
        ('<Товар Статус="Удален"/>', None, "нет Ид"),
        (
            f"<Товар><Ид>{OVERLONG}</Ид><Наименование>Мяч</Наименование></Товар>",
            "x" * 100 + "…",
            "Ид длиннее 1024 байт",
        ),
    ],
)
def test_a_good_that_cannot_be_taken_is_rejected_with_its_reason_and_line(read_goods, good, onec_id, reason):
    (rejection,) = read_goods(f"\n{good}")
    assert (rejection.entity, rejection.onec_id, rejection.reason, rejection.line) == ("product", onec_id, reason, 2)


def test_a_refusal_holds_what_was_stated(read_goods):
    (rejection,) = read_goods(f"<Товар><Артикул>50-19</Артикул><Описание>{'д' * 5000}</Описание></Товар>")
    assert rejection.payload == {"article": "50-19", "description": "д" * 1000}


def test_a_deletion_mark_may_come_with_nothing_but_the_id(read_goods):
    (good,) = read_goods('<Товар Статус="Удален"><Ид>1</Ид></Товар>')
    assert (good.onec_id, good.name, good.deleted) == ("1", None, True)


def test_a_good_of_2_04_states_its_variant_and_its_product(read_goods):
    good, offer = read_goods(
        """<Товар><Ид>good#char</Ид><Артикул>A-1</Артикул><Наименование>Кеды (42)</Наименование>
          <ХарактеристикиТовара>
            <ХарактеристикаТовара><Наименование>Размер</Наименование><Значение>42</Значение></ХарактеристикаТовара>
          </ХарактеристикиТовара>
        </Товар>"""
    )
    assert (good.onec_id, good.variant_onec_id, good.article) == ("good", "good#char", "A-1")
    assert (offer.onec_id, offer.characteristics, offer.article) == ("good#char", {"Размер": "42"}, "A-1")


# Units, taxes, brands, properties -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "code", "stated"),
    [
        ("<БазоваяЕдиница>796 </БазоваяЕдиница>", "796", None),
        ("<БазоваяЕдиница>шт</БазоваяЕдиница>", "шт", None),
        ("<БазоваяЕдиница>    </БазоваяЕдиница>", "", None),
        ("<БазоваяЕдиница/>", None, None),
        ("", None, None),
        (
            '<БазоваяЕдиница Код="796 " НаименованиеПолное="Штука" МеждународноеСокращение="PCE">шт</БазоваяЕдиница>',
            "796",
            ("796", "шт", "Штука"),
        ),
        ('<БазоваяЕдиница Код="796" НаименованиеПолное="Штука"/>', "796", ("796", "", "Штука")),
        ('<БазоваяЕдиница Код="796"/>', "796", ("796", "", None)),
        ('<БазоваяЕдиница Код="796 ">796 </БазоваяЕдиница>', "796", ("796", "", None)),
        ('<БазоваяЕдиница НаименованиеПолное="Штука">шт</БазоваяЕдиница>', "шт", ("шт", "шт", "Штука")),
        ('<БазоваяЕдиница Код="  ">шт</БазоваяЕдиница>', "шт", ("шт", "шт", None)),
        ('<БазоваяЕдиница Код="" НаименованиеПолное="">кг</БазоваяЕдиница>', "кг", ("кг", "кг", None)),
        (
            "<БазоваяЕдиница><Код>796 </Код><НаименованиеКраткое>шт</НаименованиеКраткое></БазоваяЕдиница>",
            "796",
            ("796", "шт", None),
        ),
        (
            """<БазоваяЕдиница Код="796">
                 <Пересчет><Единица>796</Единица><Коэффициент>1</Коэффициент></Пересчет>
               </БазоваяЕдиница>""",
            "796",
            ("796", "", None),
        ),
    ],
)
def test_a_unit_is_a_code_or_describes_itself(read_goods, unit, code, stated):
    facts = read_goods(f"<Товар><Ид>1</Ид><Наименование>Мяч</Наименование>{unit}</Товар>")
    assert facts[-1].unit_code == code
    units = [(fact.onec_id, fact.name, fact.full_name) for fact in facts[:-1]]
    assert units == ([stated] if stated else [])


TAX = "<СтавкиНалогов><СтавкаНалога>{}</СтавкаНалога></СтавкиНалогов>"


@pytest.mark.parametrize(
    ("tax", "vat", "rate"),
    [
        (TAX.format("<Наименование>НДС</Наименование><Ставка>20</Ставка>"), "20", "20"),
        (TAX.format("<Наименование>НДС</Наименование><Ставка>20%</Ставка>"), "20%", "20"),
        (TAX.format("<Наименование>НДС</Наименование><Ставка>Без НДС</Ставка>"), "Без НДС", None),
        (TAX.format("<Ставка>10</Ставка>"), "10", "10"),
        (
            """<СтавкиНалогов>
                 <СтавкаНалога><Наименование>Акциз</Наименование><Ставка>5</Ставка></СтавкаНалога>
                 <СтавкаНалога><Наименование>НДС</Наименование><Ставка>10</Ставка></СтавкаНалога>
                 <СтавкаНалога><Наименование>Сбор</Наименование><Ставка>7</Ставка></СтавкаНалога>
               </СтавкиНалогов>""",
            "10",
            "10",
        ),
        ("<СтавкиНалогов><СтавкаНалога/></СтавкиНалогов>", None, None),
        ("<СтавкиНалогов/>", None, None),
        ("<СтавкаНДС>20</СтавкаНДС>", "20", "20"),
        ("<СтавкаНДС>20%</СтавкаНДС>", "20%", "20"),
        ("<СтавкаНДС>Без НДС</СтавкаНДС>", "Без НДС", None),
    ],
)
def test_vat_is_read_in_each_of_its_forms(read_good, tax, vat, rate):
    good = read_good(tax)
    assert (good.vat, good.vat_rate) == (vat, rate)


BRAND = "<ЗначенияСвойств><ЗначенияСвойства><Ид>Бренд</Ид>{}</ЗначенияСвойства></ЗначенияСвойств>"


@pytest.mark.parametrize(
    ("inside", "brand", "manufacturer"),
    [
        (BRAND.format("<Значение>b1</Значение>"), ("b1", None), None),
        (BRAND.format("<Значение>b1</Значение><Значение>b2</Значение>"), ("b1", None), None),
        (
            BRAND.format("<Значение>b1</Значение>")
            + "<Изготовитель><Ид>m1</Ид><Наименование>M</Наименование></Изготовитель>",
            ("b1", None),
            "M",
        ),
        (BRAND.format(f"<Значение>{ZERO_GUID}</Значение>") + "<Изготовитель>M</Изготовитель>", ("M", "M"), "M"),
        (BRAND.format("<Значение/>"), (None, None), None),
        ("<ТорговаяМарка>BoyBo</ТорговаяМарка><Изготовитель>M</Изготовитель>", ("BoyBo", "BoyBo"), "M"),
        ("<Изготовитель><Ид>m1</Ид><Наименование>M</Наименование></Изготовитель>", ("m1", "M"), "M"),
        (
            "<Изготовитель><Ид>m1</Ид><ОфициальноеНаименование>ООО М</ОфициальноеНаименование></Изготовитель>",
            ("m1", "ООО М"),
            "ООО М",
        ),
        ("<Изготовитель><Наименование>M</Наименование></Изготовитель>", ("M", "M"), "M"),
        (
            f"<Изготовитель><Ид>{ZERO_GUID}</Ид><Наименование>M</Наименование></Изготовитель>",
            ("M", "M"),
            "M",
        ),
        ("<Изготовитель><Ид>m1</Ид></Изготовитель>", ("m1", None), None),
        ("<Изготовитель/>", (None, None), None),
        (BRAND.format(f"<Значение>{OVERLONG}</Значение>"), (None, None), None),
        (f"<Изготовитель>{OVERLONG}</Изготовитель>", (None, None), OVERLONG),
    ],
)
def test_the_brand_is_a_property_a_trademark_or_the_manufacturer_in_this_order(read_good, inside, brand, manufacturer):
    good = read_good(inside)
    assert ((good.brand_onec_id, good.brand_name), good.manufacturer) == (brand, manufacturer)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("<Значение>a</Значение>", {"p": "a"}),
        ("<Значение> a </Значение>", {"p": "a"}),
        ("<Значение>a</Значение><Значение>b</Значение>", {"p": ["a", "b"]}),
        ("<Значение>a</Значение><Значение/>", {"p": "a"}),
        ("<Значение>Нож, вилка &amp; ложка &lt;3 шт.&gt;</Значение>", {"p": "Нож, вилка & ложка <3 шт.>"}),
        ("<Значение>false</Значение>", {"p": "false"}),
        ("<Значение>0</Значение>", {"p": "0"}),
        ("", {}),
        ("<Значение/>", {}),
        ("<Значение> </Значение>", {}),
        (f"<Значение>{ZERO_GUID}</Значение>", {}),
        ("<Значение>-999 999 999,9</Значение>", {}),
        ("<Значение>-999\u00a0999\u00a0999,9</Значение>", {}),
    ],
)
def test_a_property_has_one_value_several_or_none(read_good, values, expected):
    good = read_good(f"<ЗначенияСвойств><ЗначенияСвойства><Ид>p</Ид>{values}</ЗначенияСвойства></ЗначенияСвойств>")
    assert good.properties == expected


def test_a_property_stated_twice_keeps_both_values_and_one_without_an_id_goes_by_its_name(read_good):
    good = read_good(
        """<ЗначенияСвойств>
          <ЗначенияСвойства><Ид>p</Ид><Значение>a</Значение></ЗначенияСвойства>
          <ЗначенияСвойства><Ид>p</Ид><Значение>b</Значение><Значение>c</Значение></ЗначенияСвойства>
          <ЗначенияСвойства><Значение>без Ид</Значение></ЗначенияСвойства>
          <ЗначенияСвойства><Наименование>Цвет</Наименование><Значение>синий</Значение></ЗначенияСвойства>
          <ЗначенияСвойства><Наименование>Вес</Наименование><Ид>q</Ид><Значение>2</Значение></ЗначенияСвойства>
        </ЗначенияСвойств>
        <ЗначенияСвойств><ЗначенияСвойства><Ид>p</Ид><Значение>d</Значение></ЗначенияСвойства></ЗначенияСвойств>"""
    )
    assert good.properties == {"p": ["a", "b", "c", "d"], "Цвет": "синий", "q": "2"}


def test_what_is_too_long_for_an_identifier_is_left_out_and_reported_and_an_article_is_none(read_goods):
    *unhandled, good = read_goods(
        f"""<Товар><Ид>1</Ид><Наименование>Мяч</Наименование>
          <Артикул>{OVERLONG}</Артикул>
          <ТорговаяМарка>{OVERLONG}</ТорговаяМарка>
          <БазоваяЕдиница Код="{OVERLONG}"/>
        </Товар>"""
    )
    assert unhandled == [Unhandled("Товар/ТорговаяМарка"), Unhandled("Товар/БазоваяЕдиница")]
    assert (good.article, good.brand_onec_id, good.unit_code) == (OVERLONG, None, None)


def test_an_unknown_element_is_reported_each_time_and_costs_nothing(read_goods):
    assert [
        fact
        for fact in read_goods(
            """<Товар><Ид>1</Ид><Наименование>Мяч</Наименование><Новинка>Да</Новинка></Товар>
               <Товар><Ид>2</Ид><Наименование>Сетка</Наименование><Новинка>Нет</Новинка></Товар>"""
        )
        if isinstance(fact, Unhandled)
    ] == [Unhandled("Товар/Новинка"), Unhandled("Товар/Новинка")]


def test_an_unknown_element_of_an_offer_is_reported_too(read_offers):
    unhandled, offer = read_offers("<Предложение><Ид>1</Ид><Новинка>Да</Новинка></Предложение>")
    assert (unhandled, offer.onec_id) == (Unhandled("Предложение/Новинка"), "1")


def test_what_1c_writes_into_goods_and_offers_is_known(read_goods):
    facts = read_goods(
        f"""<Товар Статус="Новый"><Ид>1</Ид><Наименование>Мяч</Наименование>{
            "".join(f"<{tag}/>" for tag in sorted(catalog.PASSED_OVER | catalog.WITHOUT_COLUMN))
        }<Ширина/><Длина/><Высота/><Вес/><Объем/><Объём/></Товар>"""
    )
    assert [type(fact) for fact in facts] == [Good]


# Offers -------------------------------------------------------------------------------------------------------


def test_an_offer_is_a_variant_with_its_characteristics(read_offers):
    (offer,) = read_offers(
        """
        <Предложение>
          <Ид>good#char</Ид>
          <НомерВерсии>AAAAAAADVk8=</НомерВерсии>
          <ПометкаУдаления>false</ПометкаУдаления>
          <Артикул>A-1</Артикул>
          <ШтрихКод>4600000000015</ШтрихКод>
          <Наименование>Кеды (42, синий)</Наименование>
          <ХарактеристикиТовара>
            <ХарактеристикаТовара><Ид>s</Ид><Наименование>Размер</Наименование><Значение>42</Значение></ХарактеристикаТовара>
            <ХарактеристикаТовара><Наименование>Цвет</Наименование><Значение> синий </Значение></ХарактеристикаТовара>
            <ХарактеристикаТовара><Наименование>Материал</Наименование><Значение/></ХарактеристикаТовара>
            <ХарактеристикаТовара><Наименование>Сезон</Наименование></ХарактеристикаТовара>
            <ХарактеристикаТовара><Наименование/><Значение>без имени</Значение></ХарактеристикаТовара>
          </ХарактеристикиТовара>
          <ЗначенияСвойств><ЗначенияСвойства><Ид>p</Ид><Значение>a</Значение></ЗначенияСвойства></ЗначенияСвойств>
          <Картинка>import_files/go/v.jpg</Картинка>
          <КодГруппыТоваров>7</КодГруппыТоваров>
          <Ширина>1</Ширина>
        </Предложение>"""
    )
    assert offer == Offer(
        onec_id="good#char",
        article="A-1",
        name="Кеды (42, синий)",
        barcode="4600000000015",
        characteristics={"Размер": "42", "Цвет": "синий"},
        properties={"p": "a"},
        dimensions={"Ширина": "1"},
        images=("import_files/go/v.jpg",),
        extra={
            "ХарактеристикиТовара": [{"Наименование": "Размер", "Ид": "s"}, {"Значение": "без имени"}],
            "КодГруппыТоваров": "7",
        },
        beside_prices=False,
        from_good=False,
        is_bare=False,
        deleted=False,
        line=2,
    )


@pytest.mark.parametrize(
    ("inside", "is_bare"),
    [
        ("<Цены/><Количество>3</Количество>", True),
        ("<Артикул/><Штрихкод/><Наименование/><ХарактеристикиТовара/><Вес>2</Вес>", True),
        ("<Картинка/>", True),
        ("<ПометкаУдаления>true</ПометкаУдаления><Артикул>A-1</Артикул>", True),
        ("<Наименование>Мяч</Наименование>", False),
        ("<ПометкаУдаления>true</ПометкаУдаления><Наименование>Мяч</Наименование>", False),
        ("<Артикул>A-1</Артикул>", False),
        ("<ШтрихКод>4600000000015</ШтрихКод>", False),
        ("<Картинка>a.jpg</Картинка>", False),
        (
            "<ЗначенияСвойств><ЗначенияСвойства><Ид>p</Ид><Значение>a</Значение></ЗначенияСвойства></ЗначенияСвойств>",
            False,
        ),
        (
            """<ХарактеристикиТовара><ХарактеристикаТовара><Наименование>Размер</Наименование><Значение>42</Значение>
            </ХарактеристикаТовара></ХарактеристикиТовара>""",
            False,
        ),
    ],
)
def test_an_offer_is_bare_where_it_says_nothing_of_what_its_variant_is(read_offers, inside, is_bare):
    (offer,) = read_offers(f"<Предложение><Ид>1</Ид>{inside}</Предложение>")
    assert offer.is_bare is is_bare


def test_a_characteristic_stated_twice_counts_as_it_was_stated_last(read_offers):
    (offer,) = read_offers(
        """<Предложение><Ид>1</Ид><ХарактеристикиТовара>
          <ХарактеристикаТовара><Наименование>Размер</Наименование><Значение>42</Значение></ХарактеристикаТовара>
          <ХарактеристикаТовара><Наименование>Размер</Наименование><Значение>43</Значение></ХарактеристикаТовара>
        </ХарактеристикиТовара></Предложение>"""
    )
    assert offer.characteristics == {"Размер": "43"}


def test_a_classic_offer_states_its_unit_too(read_offers):
    unit, offer = read_offers(
        """<Предложение><Ид>1</Ид><Наименование>Мяч</Наименование>
          <БазоваяЕдиница Код="796">шт</БазоваяЕдиница>
          <Цены/><Количество>10</Количество><Склад ИдСклада="m" КоличествоНаСкладе="3"/>
        </Предложение>"""
    )
    assert (unit.onec_id, unit.name, offer.onec_id) == ("796", "шт", "1")


@pytest.mark.parametrize(
    ("offer", "onec_id", "reason"),
    [
        ("<Предложение><Наименование>Мяч</Наименование></Предложение>", None, "нет Ид"),
        (f"<Предложение><Ид>{OVERLONG}</Ид></Предложение>", "x" * 100 + "…", "Ид длиннее 1024 байт"),
    ],
)
def test_an_offer_without_a_usable_id_is_rejected(read_offers, offer, onec_id, reason):
    (rejection,) = read_offers(offer)
    assert (rejection.entity, rejection.onec_id, rejection.reason, rejection.line) == ("offer", onec_id, reason, 1)


@pytest.mark.parametrize(
    ("inside", "is_variant"),
    [
        ("<Цены/>", False),
        ("<Остатки/>", False),
        ("<Наименование>Мяч</Наименование><Цены/>", False),
        ("<Артикул>A-1</Артикул><Цены/>", True),
        ("<Штрихкод>4600000000015</Штрихкод><Цены/>", True),
        ("<ХарактеристикиТовара/><Цены/>", True),
        ("<ЗначенияСвойств/><Цены/>", True),
        ("<Картинка>a.jpg</Картинка><Остатки/>", True),
    ],
)
def test_an_offer_beside_prices_is_a_variant_only_where_it_describes_one(read_offers, inside, is_variant):
    offer = f"<Предложение><Ид>1</Ид>{inside}</Предложение>"
    assert bool(read_offers(offer, catalog.READERS_BESIDE_PRICES)) is is_variant


# The classifier -----------------------------------------------------------------------------------------------


def test_groups_are_read_with_the_group_around_them(read_classifier):
    groups = read_classifier(
        """
        <Группы>
          <Группа>
            <Ид>sport</Ид>
            <НомерВерсии>AAAAAAAAAAE=</НомерВерсии>
            <Наименование> Спорт </Наименование>
            <Описание>Всё для спорта</Описание>
            <Группы>
              <Группа><Ид>balls</Ид><Наименование>Мячи</Наименование>
                <Группы><Группа><Ид>football</Ид><Наименование>Футбол</Наименование></Группа></Группы>
              </Группа>
              <Группа><Ид>nets</Ид><Наименование>Сетки</Наименование></Группа>
            </Группы>
          </Группа>
        </Группы>"""
    )
    assert groups == [
        Category("football", "balls", "Футбол", None, deleted=False, line=10),
        Category("balls", "sport", "Мячи", None, deleted=False, line=9),
        Category("nets", "sport", "Сетки", None, deleted=False, line=12),
        Category("sport", None, "Спорт", "Всё для спорта", deleted=False, line=3),
    ]


def test_groups_nest_to_any_depth(read_classifier):
    depth = 100
    inside = ""
    for level in range(depth, 0, -1):
        inside = f"<Группы><Группа><Ид>{level}</Ид><Наименование>Уровень</Наименование>{inside}</Группа></Группы>"
    parents = {group.onec_id: group.parent_onec_id for group in read_classifier(inside)}
    assert parents == {str(level): str(level - 1) if level > 1 else None for level in range(1, depth + 1)}


@pytest.mark.parametrize(
    ("group", "onec_id", "reason"),
    [
        ("<Группа><Наименование>Мячи</Наименование></Группа>", None, "нет Ид"),
        ("<Группа><Ид>1</Ид></Группа>", "1", "нет Наименования"),
        (
            f"<Группа><Ид>{OVERLONG}</Ид><Наименование>Мячи</Наименование></Группа>",
            "x" * 100 + "…",
            "Ид длиннее 1024 байт",
        ),
    ],
)
def test_a_group_that_cannot_be_taken_is_rejected(read_classifier, group, onec_id, reason):
    (rejection,) = read_classifier(f"<Группы>{group}</Группы>")
    assert rejection == Rejection("category", onec_id, None, reason, {}, 1)


def test_a_group_whose_parent_names_itself_too_late_is_rejected_rather_than_put_at_the_top(read_classifier):
    rejection, parent = read_classifier(
        f"""<Группы><Группа>
          <Группы><Группа><Ид>child</Ид><Наименование>Мячи</Наименование></Группа></Группы>
          <Описание>{LONG}</Описание>
          <Ид>parent</Ид><Наименование>Спорт</Наименование>
        </Группа></Группы>"""
    )
    assert (rejection.onec_id, rejection.reason) == ("child", "у родительской группы нет Ид перед вложенными группами")
    assert parent.onec_id == "parent"


def test_a_deleted_group_may_have_no_name(read_classifier):
    (group,) = read_classifier('<Группы><Группа Статус="Удален"><Ид>1</Ид></Группа></Группы>')
    assert (group.name, group.deleted) == ("", True)


def test_the_groups_of_a_good_are_no_groups_of_the_tree(read_goods):
    (good,) = read_goods("<Товар><Ид>1</Ид><Наименование>Мяч</Наименование><Группы><Ид>g</Ид></Группы></Товар>")
    assert good.group_onec_ids == ("g",)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        (
            """<Ид>796 </Ид><НаименованиеКраткое>шт</НаименованиеКраткое><Код>796 </Код>
               <НаименованиеПолное>Штука      </НаименованиеПолное><МеждународноеСокращение/>""",
            ("796", "шт", "Штука"),
        ),
        ("<Ид>796 </Ид><НаименованиеПолное>Штука</НаименованиеПолное>", ("796", "", "Штука")),
        ("<Код>796</Код><Наименование>шт</Наименование>", ("796", "шт", None)),
        ("<Код>796</Код>", ("796", "", None)),
        ("<Код>    </Код><НаименованиеКраткое>компл</НаименованиеКраткое>", ("", "компл", None)),
    ],
)
def test_a_unit_of_the_classifier_goes_by_its_trimmed_code(read_classifier, unit, expected):
    (fact,) = read_classifier(f"<ЕдиницыИзмерения><ЕдиницаИзмерения>{unit}</ЕдиницаИзмерения></ЕдиницыИзмерения>")
    assert (fact.onec_id, fact.name, fact.full_name) == expected


def test_a_good_refers_to_the_unit_whose_code_is_spaces_by_the_same_spaces(read_classifier, read_good):
    (unit,) = read_classifier(
        "<ЕдиницыИзмерения><ЕдиницаИзмерения><Код>    </Код></ЕдиницаИзмерения></ЕдиницыИзмерения>"
    )
    assert isinstance(unit, Unit)
    assert read_good("<БазоваяЕдиница>    </БазоваяЕдиница>").unit_code == unit.onec_id == ""


def test_a_unit_without_a_code_is_rejected(read_classifier):
    (rejection,) = read_classifier(
        "<ЕдиницыИзмерения><ЕдиницаИзмерения><НаименованиеКраткое>шт</НаименованиеКраткое></ЕдиницаИзмерения>"
        "</ЕдиницыИзмерения>"
    )
    assert rejection == Rejection("unit", None, None, "нет Ид", {}, 1)


@pytest.mark.parametrize("tag", ["Свойство", "СвойствоНоменклатуры"])
def test_the_values_of_a_dictionary_are_read_before_their_property_ends(read_classifier, tag):
    facts = read_classifier(
        f"""<Свойства>
          <{tag}>
            <Ид>colour</Ид><Наименование>Цвет</Наименование><ТипЗначений>Справочник</ТипЗначений>
            <ВариантыЗначений>
              <Справочник><ИдЗначения>c1</ИдЗначения><Значение> синий </Значение></Справочник>
              <Справочник><ИдЗначения>c2</ИдЗначения><Значение/></Справочник>
              <Справочник/>
            </ВариантыЗначений>
          </{tag}>
          <{tag}><Ид>weight</Ид><Наименование>Вес</Наименование><ТипыЗначений>Число</ТипыЗначений></{tag}>
          <{tag}><Ид>nameless</Ид></{tag}>
        </Свойства>"""
    )
    assert facts == [
        PropertyValue("colour", "c1", "синий", 5),
        PropertyValue("colour", "c2", "", 6),
        Property("colour", "Цвет", "Справочник", deleted=False, line=2),
        Property("weight", "Вес", "Число", deleted=False, line=10),
        Property("nameless", "", None, deleted=False, line=11),
    ]


@pytest.mark.parametrize(
    ("property_", "rejection"),
    [
        (
            f"<Свойство><Наименование>{OVERLONG}</Наименование></Свойство>",
            Rejection("property", "x" * 100 + "…", None, "Наименование длиннее 1024 байт", {}, 1),
        ),
        (
            """<Свойство><Ид>p</Ид><ВариантыЗначений>
                 <Справочник><Значение>синий</Значение></Справочник>
               </ВариантыЗначений></Свойство>""",
            Rejection("property_value", None, None, "нет Ид", {}, 2),
        ),
        (
            f"""<Свойство><ВариантыЗначений>
                 <Справочник><ИдЗначения>c1</ИдЗначения><Значение>синий</Значение></Справочник>
               </ВариантыЗначений><Описание>{LONG}</Описание><Ид>p</Ид></Свойство>""",
            Rejection("property_value", "c1", None, "у свойства нет Ид перед вариантами значений", {}, 2),
        ),
    ],
)
def test_a_property_or_a_value_without_an_id_is_rejected(read_classifier, property_, rejection):
    assert read_classifier(f"<Свойства>{property_}</Свойства>")[0] == rejection


@pytest.mark.parametrize(
    "dictionary",
    [
        "<ВариантыЗначений><Вариант><Ид>c1</Ид><Значение>синий</Значение></Вариант></ВариантыЗначений>",
        """<ТипыЗначений><ТипЗначений><Тип>Справочник</Тип><Описание>-</Описание>
           <ВариантыЗначений><ВариантЗначения><Ид>c1</Ид><Значение>синий</Значение></ВариантЗначения></ВариантыЗначений>
           </ТипЗначений></ТипыЗначений>""",
        (
            "<ВариантыЗначений><ВариантЗначения><ИдЗначения>c1</ИдЗначения><Значение>синий</Значение></ВариантЗначения>"
            "</ВариантыЗначений>"
        ),
        "<ВариантыЗначений><Справочник><Ид>c1</Ид><Значение>синий</Значение></Справочник></ВариантыЗначений>",
        (
            "<ВариантыЗначений><Вариант><Значение/></Вариант><Справочник><ИдЗначения>c1</ИдЗначения>"
            "<Значение>синий</Значение></Справочник></ВариантыЗначений>"
        ),
    ],
)
def test_a_dictionary_is_read_in_each_of_its_forms(read_classifier, dictionary):
    value, *_ = read_classifier(f"<Свойства><Свойство><Ид>p</Ид>{dictionary}</Свойство></Свойства>")
    assert (value.property_onec_id, value.onec_id, value.value) == ("p", "c1", "синий")


def test_a_property_has_the_type_that_stands_in_its_types(read_classifier):
    (property_,) = read_classifier(
        "<Свойства><Свойство><Ид>p</Ид><ТипыЗначений><ТипЗначений><Тип>Число</Тип></ТипЗначений></ТипыЗначений>"
        "</Свойство></Свойства>"
    )
    assert property_.value_type == "Число"


@pytest.mark.parametrize("dictionary", ["Группы/Группа", "ЕдиницыИзмерения/ЕдиницаИзмерения", "Свойства/Свойство"])
def test_an_entry_without_an_id_and_a_name_says_nothing(read_classifier, dictionary):
    list_, entry = dictionary.split("/")
    assert read_classifier(f"<{list_}><{entry}><Ид/><Наименование/><Описание>-</Описание></{entry}></{list_}>") == []


def test_an_entry_of_a_property_without_an_id_and_a_value_says_nothing(read_classifier):
    facts = read_classifier(
        "<Свойства><Свойство><Ид>p</Ид><ВариантыЗначений><Справочник><ИдЗначения/><Значение/></Справочник>"
        "<Вариант><Ид/><Значение/></Вариант></ВариантыЗначений></Свойство></Свойства>"
    )
    assert [type(fact) for fact in facts] == [Property]


def test_a_user_dictionary_is_no_property_dictionary(read):
    assert (
        read(
            catalog.READERS,
            """<ПользовательскиеСправочники><Справочник>
              <Ид>Бренды</Ид><ЭлементыСправочника><ЭлементСправочника><Ид>e1</Ид></ЭлементСправочника></ЭлементыСправочника>
            </Справочник></ПользовательскиеСправочники>""",
        )
        == []
    )


def test_prices_and_stocks_are_not_read_for_the_catalogue(read):
    facts = read(
        catalog.READERS,
        """<ПакетПредложений>
          <ТипыЦен><ТипЦены><Ид>r</Ид></ТипЦены></ТипыЦен>
          <Склады><Склад><Ид>m</Ид></Склад></Склады>
          <Предложения><Предложение><Ид>1</Ид><Цены><Цена/></Цены><Количество>1</Количество></Предложение></Предложения>
        </ПакетПредложений>""",
    )
    assert [type(fact) for fact in facts] == [Offer, Package]
