"""What goods, offers and dictionaries become. Full and changes, defaults and pending rows have files of their own."""

import pytest

PRODUCT = "select {} from onec.products where onec_id = 'g'"


def test_a_good_comes_with_everything_it_states(export, imports, rows):
    export.goods("""
        <Товар>
          <Ид>g</Ид><Артикул> A-1 </Артикул><Наименование>  Стул  </Наименование><Штрихкод>4600000000000</Штрихкод>
          <Описание>&lt;p&gt;Дуб&lt;/p&gt;</Описание><Страна>РОССИЯ</Страна>
          <Изготовитель><Ид>m</Ид><Наименование>Фабрика</Наименование></Изготовитель>
          <ЗначенияРеквизитов>
            <ЗначениеРеквизита><Наименование>Вид</Наименование><Значение>Товар</Значение></ЗначениеРеквизита>
          </ЗначенияРеквизитов>
        </Товар>
    """)
    report = imports.catalog()
    assert rows("select article, name, barcode, description, country, manufacturer, requisites from onec.products") == [
        ("A-1", "Стул", "4600000000000", "<p>Дуб</p>", "РОССИЯ", "Фабрика", {"Вид": "Товар"})
    ]
    assert (report.table, report.row_count, report.export_kind) == ("onec.products", 1, "full")
    assert report.counters.created == report.counters.total == 1


def test_a_good_comes_whole_what_it_no_longer_states_is_empty(export, imports, rows, xml):
    export.goods(xml.good("g", more="<Артикул>A-1</Артикул><Картинка>a.jpg</Картинка><Картинка>b.jpg</Картинка>"))
    imports.catalog()
    export.goods(xml.good("g", more="<Картинка>b.jpg</Картинка>"), delta=True)
    report = imports.catalog()
    assert report.counters.updated == 1
    assert rows(PRODUCT.format("article")) == [None]
    assert rows("select position, path from onec.image_references") == [(0, "b.jpg")]


def test_an_updated_row_gets_a_later_updated_at_and_keeps_its_id(export, imports, rows, xml):
    export.goods(xml.good("g", "Стул"))
    imports.catalog()
    (first,) = rows("select id, created_at, updated_at from onec.products")
    export.goods(xml.good("g", "Стол"))
    imports.catalog()
    (second,) = rows("select id, created_at, updated_at from onec.products")
    assert second[:2] == first[:2]
    assert second[2] > first[2]


def test_empty_elements_are_nothing(export, imports, rows, xml):
    export.goods("<Товар/>" + xml.good("g"))
    export.offers("<Предложение/>" + xml.offer("g#1"))
    report = imports.catalog()
    assert (report.counters.total, report.counters.created) == (2, 2)
    assert rows("select onec_id from onec.product_variants") == ["g#1"]


def test_ids_need_not_be_guids(export, imports, rows, xml):
    export.goods(xml.good("137") + xml.good("ms/товар 5"))
    imports.catalog()
    assert rows("select onec_id from onec.products order by 1") == ["137", "ms/товар 5"]


def test_a_file_that_promises_goods_and_yields_none_is_told(export, imports):
    export.goods("<Пачка><Товар><Ид>g</Ид></Товар></Пачка>")
    assert "В файле goods/goods_1_1.xml есть раздел каталога, но прочитать в нём нечего." in imports.catalog().notices


def test_an_export_without_anything_for_an_import_is_told(export, imports, xml):
    export.goods(xml.good("g"))
    imports.catalog()
    assert imports.stocks().notices == ("В выгрузке нет файлов остатков.",)


# Groups ---------------------------------------------------------------------------------------------------------


def test_groups_nest_at_any_depth(export, imports, rows, xml):
    export.groups(xml.group("a", xml.group("b", xml.group("c"))))
    imports.catalog()
    assert rows("""
        select c.onec_id, p.onec_id from onec.categories c left join onec.categories p on p.id = c.parent_id order by 1
    """) == [("a", None), ("b", "a"), ("c", "b")]


def test_the_category_of_a_product_is_its_first_known_group(export, imports, rows, xml):
    export.groups(xml.group("b") + xml.group("a"))
    export.goods(xml.good("g", more="<Группы><Ид>unknown</Ид><Ид>b</Ид><Ид>a</Ид></Группы>"))
    imports.catalog()
    assert rows("select c.onec_id from onec.products p join onec.categories c on c.id = p.category_id") == ["b"]
    assert rows("""
        select c.onec_id from onec.product_categories pc join onec.categories c on c.id = pc.category_id order by 1
    """) == ["a", "b"]


def test_a_group_that_arrives_later_links_up_with_goods_that_are_not_sent_again(export, imports, rows, xml):
    export.goods(xml.good("g", more="<Группы><Ид>late</Ид><Ид>later</Ид></Группы>"))
    imports.catalog()
    assert rows(PRODUCT.format("category_id")) == [None]

    export.goods("", delta=True)
    export.groups(xml.group("later"), delta=True)
    imports.catalog()
    assert rows("select c.onec_id from onec.products p join onec.categories c on c.id = p.category_id") == ["later"]

    export.groups(xml.group("late"), delta=True)
    imports.catalog()
    assert rows("select c.onec_id from onec.products p join onec.categories c on c.id = p.category_id") == ["late"]
    assert rows("select count(*) from onec.product_categories") == [2]


def test_a_group_that_a_good_leaves_is_unlinked(export, imports, rows, xml):
    export.groups(xml.group("a") + xml.group("b"))
    export.goods(xml.good("g", more="<Группы><Ид>a</Ид><Ид>b</Ид></Группы>"))
    imports.catalog()
    export.goods(xml.good("g", more="<Группы><Ид>b</Ид></Группы>"))
    imports.catalog()
    assert rows("""
        select c.onec_id from onec.product_categories pc join onec.categories c on c.id = pc.category_id
    """) == ["b"]


def test_a_renamed_group_touches_nothing_else(export, imports, xml):
    export.groups(xml.group("a", xml.group("b")))
    export.goods(xml.good("g", more="<Группы><Ид>a</Ид></Группы>"))
    imports.catalog()
    before = imports.versions()
    export.groups(xml.group("a", xml.group("b"), name="Всё"), delta=True)
    report = imports.catalog()
    after = imports.versions()
    assert report.counters.updated == 0
    assert report.details["categories_updated"] == 1
    assert {table for table in after if after[table] != before[table]} == {
        "categories", "data_versions", "import_files", "import_sources", "import_states", "imports"
    }  # fmt: skip


def test_a_group_that_moves_moves_in_the_tree(export, imports, rows, xml):
    export.groups(xml.group("a", xml.group("b")))
    imports.catalog()
    export.groups(xml.group("b", xml.group("a")))
    imports.catalog()
    assert rows("""
        select c.onec_id, p.onec_id from onec.categories c left join onec.categories p on p.id = c.parent_id order by 1
    """) == [("a", "b"), ("b", None)]


# Units, taxes, brands, properties ---------------------------------------------------------------------------------


def test_a_unit_is_found_by_its_trimmed_code(export, imports, rows, xml):
    export.units("""
        <ЕдиницаИзмерения><Код>796 </Код><НаименованиеКраткое>шт</НаименованиеКраткое>
          <НаименованиеПолное>Штука</НаименованиеПолное></ЕдиницаИзмерения>
    """)
    export.goods(xml.good("g", more="<БазоваяЕдиница>796 </БазоваяЕдиница>"))
    imports.catalog()
    assert rows("""
        select u.onec_id, u.name, u.full_name from onec.products p join onec.units u on u.id = p.unit_id
    """) == [("796", "шт", "Штука")]


def test_a_unit_stated_by_the_good_itself(export, imports, rows, xml):
    export.goods(xml.good("g", more='<БазоваяЕдиница Код="796 " НаименованиеПолное="Штука">шт</БазоваяЕдиница>'))
    imports.catalog()
    assert rows("select u.onec_id, u.name from onec.products p join onec.units u on u.id = p.unit_id") == [
        ("796", "шт")
    ]


@pytest.mark.parametrize(
    "stated",
    [
        """<Классификатор><ЕдиницыИзмерения><ЕдиницаИзмерения><Код>796 </Код>
             <НаименованиеКраткое>шт</НаименованиеКраткое><НаименованиеПолное>Штука</НаименованиеПолное>
           </ЕдиницаИзмерения></ЕдиницыИзмерения></Классификатор>""",
        """<Каталог><Товары><Товар><Ид>h</Ид><Наименование>Стол</Наименование>
             <БазоваяЕдиница Код="796 " НаименованиеПолное="Штука">шт</БазоваяЕдиница></Товар></Товары></Каталог>""",
    ],
)
@pytest.mark.parametrize(
    "later",
    [
        '<БазоваяЕдиница Код="796" НаименованиеПолное="Штука"/>',
        '<БазоваяЕдиница Код="796"/>',
        '<БазоваяЕдиница Код="796">796 </БазоваяЕдиница>',
        '<БазоваяЕдиница Код="796">шт</БазоваяЕдиница>',
    ],
)
def test_what_a_good_does_not_state_of_its_unit_stays(stated, later, export, imports, rows, xml):
    export.write("goods/goods_1_0.xml", stated)
    export.goods(xml.good("g", more=later))
    imports.catalog()
    assert rows("select onec_id, name, full_name from onec.units") == [("796", "шт", "Штука")]
    export.write("goods/goods_1_0.xml", "<Каталог/>")
    export.goods(xml.good("g", "Стол", later), delta=True)
    imports.catalog()
    assert rows("select onec_id, name, full_name from onec.units") == [("796", "шт", "Штука")]


def test_a_unit_without_a_short_name_goes_by_its_full_name_or_its_code(export, imports, rows, xml):
    export.goods(
        xml.good("g", more='<БазоваяЕдиница Код="796" НаименованиеПолное="Штука"/>')
        + xml.good("h", more='<БазоваяЕдиница Код="166"/>')
    )
    imports.catalog()
    assert rows("select onec_id, name from onec.units order by 1") == [("166", "166"), ("796", "Штука")]


def test_a_unit_without_a_code_is_known_by_its_name(export, imports, rows, xml):
    export.goods(xml.good("g", more='<БазоваяЕдиница Код="" НаименованиеПолное="">кг</БазоваяЕдиница>'))
    imports.catalog()
    assert rows("select u.onec_id, u.name from onec.products p join onec.units u on u.id = p.unit_id") == [("кг", "кг")]


def test_a_unit_that_arrives_later_links_up(export, imports, rows, xml):
    export.goods(xml.good("g", more="<БазоваяЕдиница>796</БазоваяЕдиница>"))
    imports.catalog()
    export.units("<ЕдиницаИзмерения><Код>796</Код></ЕдиницаИзмерения>", delta=True)
    imports.catalog()
    assert rows(PRODUCT.format("unit_id is not null")) == [True]


@pytest.mark.parametrize(
    ("stated", "rate"),
    [
        ("<СтавкаНДС>20</СтавкаНДС>", 20),
        ("<СтавкаНДС>20%</СтавкаНДС>", 20),
        ("<СтавкаНДС>Без НДС</СтавкаНДС>", None),
        ("<СтавкаНДС>0</СтавкаНДС>", 0),
        ("", None),
        (
            """<СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование><Ставка>10</Ставка></СтавкаНалога>
               </СтавкиНалогов>""",
            10,
        ),
    ],
)
def test_the_vat_rate(stated, rate, export, imports, rows, xml):
    export.goods(xml.good("g", more=stated))
    imports.catalog()
    assert rows(PRODUCT.format("vat_rate")) == [rate]


BRANDS = """
    <Свойство><Ид>Бренд</Ид><Наименование>Бренд</Наименование><ТипЗначений>Справочник</ТипЗначений>
      <ВариантыЗначений><Справочник><ИдЗначения>b1</ИдЗначения><Значение>Дуб</Значение></Справочник></ВариантыЗначений>
    </Свойство>
"""
BRAND_OF_GOOD = "select b.onec_id, b.name from onec.products p join onec.brands b on b.id = p.brand_id"


@pytest.mark.parametrize(
    ("stated", "brand"),
    [
        (
            "<ЗначенияСвойств><ЗначенияСвойства><Ид>Бренд</Ид><Значение>b1</Значение></ЗначенияСвойства></ЗначенияСвойств>",
            [("b1", "Дуб")],
        ),
        (
            "<ЗначенияСвойств><ЗначенияСвойства><Ид>Бренд</Ид><Значение>Ясень</Значение></ЗначенияСвойства></ЗначенияСвойств>",
            [("Ясень", "Ясень")],
        ),
        (
            """<ЗначенияСвойств><ЗначенияСвойства><Ид>Бренд</Ид><Значение>00000000-0000-0000-0000-000000000000</Значение>
               </ЗначенияСвойства></ЗначенияСвойств>""",
            [],
        ),
        ("<ТорговаяМарка>Клён</ТорговаяМарка>", [("Клён", "Клён")]),
        ("<Изготовитель><Ид>m</Ид><Наименование>Фабрика</Наименование></Изготовитель>", [("m", "Фабрика")]),
        ("", []),
    ],
)
def test_a_brand_is_a_property_or_a_trademark_or_the_manufacturer(stated, brand, export, imports, rows, xml):
    export.properties(BRANDS)
    export.goods(xml.good("g", more=stated))
    imports.catalog()
    assert rows(BRAND_OF_GOOD) == brand


def test_a_brand_dictionary_that_arrives_later_links_up(export, imports, rows, xml):
    brand = "5a7e0c1e-0000-4000-8000-000000000001"
    value = f"<ЗначенияСвойства><Ид>Бренд</Ид><Значение>{brand}</Значение></ЗначенияСвойства>"
    export.goods(xml.good("g", more=f"<ЗначенияСвойств>{value}</ЗначенияСвойств>"))
    imports.catalog()
    assert rows(BRAND_OF_GOOD) == []
    export.properties(BRANDS.replace("b1", brand), delta=True)
    imports.catalog()
    assert rows(BRAND_OF_GOOD) == [(brand, "Дуб")]


def test_property_values_stay_raw_empty_ones_are_left_out_and_several_are_a_list(export, imports, rows, xml):
    export.goods(xml.good("g", more="""
        <ЗначенияСвойств>
          <ЗначенияСвойства><Ид>colour</Ид><Значение>c1</Значение></ЗначенияСвойства>
          <ЗначенияСвойства><Ид>use</Ид><Значение>u1</Значение><Значение>u2</Значение></ЗначенияСвойства>
          <ЗначенияСвойства><Ид>zero</Ид><Значение>00000000-0000-0000-0000-000000000000</Значение></ЗначенияСвойства>
          <ЗначенияСвойства><Ид>weight</Ид><Значение>-999 999 999,9</Значение></ЗначенияСвойства>
          <ЗначенияСвойства><Ид>none</Ид><Значение/></ЗначенияСвойства>
        </ЗначенияСвойств>
    """))  # fmt: skip
    imports.catalog()
    assert rows(PRODUCT.format("properties")) == [{"colour": "c1", "use": ["u1", "u2"]}]


BLUE = """
    <ХарактеристикиТовара><ХарактеристикаТовара><Наименование>Цвет</Наименование><Значение>синий</Значение>
    </ХарактеристикаТовара></ХарактеристикиТовара>
"""


@pytest.mark.parametrize(
    "dictionary",
    [
        (
            "<Ид>p</Ид><Наименование>Цвет</Наименование><ВариантыЗначений><Вариант><Ид>c</Ид><Значение>синий</Значение>"
            "</Вариант></ВариантыЗначений>"
        ),
        (
            "<Ид>p</Ид><Наименование>Цвет</Наименование><ТипыЗначений><ТипЗначений><ВариантыЗначений><ВариантЗначения><Ид>c"
            "</Ид><Значение>синий</Значение></ВариантЗначения></ВариантыЗначений></ТипЗначений></ТипыЗначений>"
        ),
        (
            "<Наименование>Цвет</Наименование><ВариантыЗначений><Справочник><ИдЗначения>c</ИдЗначения><Значение>синий"
            f"</Значение></Справочник></ВариантыЗначений><Описание>{'-' * 200_000}</Описание><Ид>p</Ид>"
        ),
    ],
)
def test_a_label_is_found_in_each_form_of_a_dictionary(export, imports, rows, xml, dictionary):
    export.properties(f"<Свойство>{dictionary}</Свойство>")
    value = "<ЗначенияСвойства><Ид>p</Ид><Значение>c</Значение></ЗначенияСвойства>"
    export.goods(xml.good("g", more=f"<ЗначенияСвойств>{value}</ЗначенияСвойств>"))
    assert imports.catalog().counters.errors == 0
    assert rows("select property_name, value from onec.product_attributes") == [("Цвет", "синий")]


@pytest.mark.parametrize(("others", "label"), [("", "синий"), ("<Свойство><Ид>q</Ид>{}</Свойство>", "c")])
def test_a_value_under_the_name_of_a_property_has_its_label_where_only_one_has_that_name(
    export, imports, rows, xml, others, label
):
    name = "<Наименование>Цвет</Наименование>"
    export.properties(f"""<Свойство><Ид>p</Ид>{name}<ВариантыЗначений><Справочник><ИдЗначения>c</ИдЗначения>
        <Значение>синий</Значение></Справочник></ВариантыЗначений></Свойство>{others.format(name)}""")
    values = f"<ЗначенияСвойств><ЗначенияСвойства>{name}<Значение>c</Значение></ЗначенияСвойства></ЗначенияСвойств>"
    export.goods(xml.good("g", more=values))
    export.offers(xml.offer("g#1", more=values))
    imports.catalog()
    for view in ("product_attributes", "variant_attributes"):
        assert rows(f"select property_name, value from onec.{view}") == [("Цвет", label)]


def test_a_property_without_an_id_goes_by_its_name(export, imports, rows, xml):
    export.properties("""<Свойство><Наименование>Цвет</Наименование><ВариантыЗначений><Справочник>
        <ИдЗначения>c</ИдЗначения><Значение>синий</Значение></Справочник></ВариантыЗначений></Свойство>""")
    value = "<ЗначенияСвойства><Наименование>Цвет</Наименование><Значение>c</Значение></ЗначенияСвойства>"
    export.goods(xml.good("g", more=f"<ЗначенияСвойств>{value}</ЗначенияСвойств>"))
    assert imports.catalog().counters.errors == 0
    assert rows("select onec_id, name from onec.properties") == [("Цвет", "Цвет")]
    assert rows("select property_name, value from onec.product_attributes") == [("Цвет", "синий")]


# Offers and images ----------------------------------------------------------------------------------------------


def test_an_offer_is_a_variant_with_its_characteristics(export, imports, rows, xml):
    export.goods(xml.good("g"))
    export.offers(xml.offer("g#1", more="""
        <Артикул>A-1-1</Артикул><Штрихкод>461</Штрихкод>
        <ХарактеристикиТовара>
          <ХарактеристикаТовара><Наименование>Цвет</Наименование><Значение>синий</Значение></ХарактеристикаТовара>
          <ХарактеристикаТовара><Наименование>Размер</Наименование><Значение/></ХарактеристикаТовара>
        </ХарактеристикиТовара>
    """))  # fmt: skip
    imports.catalog()
    assert rows("""
        select v.onec_id, p.onec_id, v.article, v.name, v.barcode, v.characteristics, v.is_default, v.is_active
        from onec.product_variants v join onec.products p on p.id = v.product_id
    """) == [("g#1", "g", "A-1-1", "Стул, синий", "461", {"Цвет": "синий"}, False, True)]


DESCRIBED = """
    select v.name, v.article, v.barcode, v.characteristics, v.properties, v.dimensions, r.path, v.is_active
    from onec.product_variants v left join onec.image_references r on r.variant_id = v.id
    where v.onec_id = 'g#1'
"""
AS_STATED = ("Стул, синий", "A-1", "460", {"Цвет": "синий"}, {"p": "a"}, {"Вес": "2"}, "a.jpg", True)
CARRIER = "<Предложение><Ид>g#1</Ид><Цены><Цена/></Цены><Количество>3</Количество></Предложение>"


@pytest.fixture
def described(export, xml):
    """An export in which the offer g#1 says all that an offer can say."""
    export.goods(xml.good("g"))
    export.offers(xml.offer("g#1", more=f"""
        <Артикул>A-1</Артикул><Штрихкод>460</Штрихкод><Вес>2</Вес><Картинка>a.jpg</Картинка>{BLUE}
        <ЗначенияСвойств><ЗначенияСвойства><Ид>p</Ид><Значение>a</Значение></ЗначенияСвойства></ЗначенияСвойств>
    """))  # fmt: skip
    return export


@pytest.mark.parametrize("delta", [True, False])
@pytest.mark.parametrize("others", ["", "<Предложение><Ид>g#2</Ид><Картинка>b.jpg</Картинка></Предложение>"])
def test_an_offer_that_describes_nothing_takes_nothing_from_its_variant(described, imports, rows, delta, others):
    imports.catalog()
    described.offers(CARRIER + others, delta=delta)
    imports.catalog()
    assert rows(DESCRIBED) == [AS_STATED]


@pytest.mark.parametrize("others", ["", "<Предложение><Ид>g#2</Ид><Картинка>b.jpg</Картинка></Предложение>"])
def test_an_offer_that_describes_nothing_takes_nothing_from_an_earlier_one_of_its_export(
    described, imports, rows, others
):
    described.offers(CARRIER + others, segment=2)
    imports.catalog()
    assert rows(DESCRIBED) == [AS_STATED]


def test_an_offer_that_describes_something_replaces_it_whole(described, imports, rows):
    imports.catalog()
    described.offers("<Предложение><Ид>g#1</Ид><Артикул>B</Артикул><Картинка/></Предложение>", delta=True)
    imports.catalog()
    assert rows(DESCRIBED) == [(None, "B", None, {}, {}, {}, None, True)]


def test_what_an_offer_states_without_describing_is_taken(described, imports, rows):
    imports.catalog()
    described.offers("<Предложение><Ид>g#1</Ид><Картинка/><Вес>3</Вес></Предложение>", delta=True)
    imports.catalog()
    assert rows(DESCRIBED) == [(*AS_STATED[:5], {"Вес": "3"}, None, True)]


def test_an_offer_that_describes_nothing_counts_as_named(described, imports, rows):
    imports.catalog()
    described.offers("<Предложение><Ид>g#1</Ид><ПометкаУдаления>true</ПометкаУдаления></Предложение>", delta=True)
    imports.catalog()
    assert rows(DESCRIBED) == [(*AS_STATED[:-1], False)]
    described.offers(CARRIER)
    imports.catalog()
    assert rows(DESCRIBED) == [AS_STATED]


def test_an_offer_that_describes_nothing_may_create_its_variant(export, imports, rows, xml):
    export.goods(xml.good("g"))
    export.offers(CARRIER)
    imports.catalog()
    assert rows(DESCRIBED) == [(None, None, None, {}, {}, {}, None, True)]


def test_an_offer_that_describes_nothing_takes_nothing_from_one_that_is_pending(described, imports, rows, xml):
    described.goods("", delta=True)
    imports.catalog()
    described.offers(CARRIER, delta=True)
    imports.catalog()
    described.goods(xml.good("g"), delta=True)
    imports.catalog()
    assert rows(DESCRIBED) == [AS_STATED]


def test_an_offer_that_describes_nothing_takes_nothing_from_a_good_of_its_id(export, imports, rows, xml):
    export.goods(xml.good("g#1", "Стул, синий", f"<Артикул>A-1</Артикул><Картинка>a.jpg</Картинка>{BLUE}"))
    export.offers(CARRIER)
    imports.catalog()
    export.goods("", delta=True)
    export.offers(CARRIER, delta=True)
    imports.catalog()
    assert rows(DESCRIBED) == [("Стул, синий", "A-1", None, {"Цвет": "синий"}, {}, {}, "a.jpg", True)]
    export.goods(xml.good("g#1", "Стул, белый", "<Картинка>a.jpg</Картинка>"), delta=True)
    imports.catalog()
    assert rows(DESCRIBED) == [("Стул, белый", None, None, {}, {}, {}, "a.jpg", True)]


def test_what_prices_describe_of_an_offer_that_describes_nothing_is_its_variant(export, imports, rows, xml):
    export.goods(xml.good("g"))
    export.offers(CARRIER)
    export.prices(CARRIER.replace("</Ид>", "</Ид><Артикул>A-1</Артикул>"))
    imports.catalog()
    assert rows(DESCRIBED) == [(None, "A-1", None, {}, {}, {}, None, True)]


@pytest.mark.parametrize("repeats", ["prices", "rests"])
@pytest.mark.parametrize("delta", [True, False])
@pytest.mark.parametrize(
    "stated", ["<Артикул>A-1</Артикул>", "<Наименование>Стул</Наименование><Штрихкод>460</Штрихкод>"]
)
def test_what_prices_or_rests_repeat_of_an_offer_takes_nothing_from_it(
    repeats, delta, stated, export, imports, rows, xml
):
    carrier = getattr(xml, repeats)("g#1", one=5).replace("</Ид>", f"</Ид>{stated}", 1)
    export.goods(xml.good("g"))
    export.offers(xml.offer("g#1", "Стул, синий", f"<Артикул>A-1-1</Артикул><Картинка>a.jpg</Картинка>{BLUE}"))
    if not delta:
        getattr(export, repeats)(carrier)
    imports.catalog()
    if delta:
        export.goods("", delta=True)
        export.offers("", delta=True)
        getattr(export, repeats)(carrier, delta=True)
        imports.catalog()
    assert rows("select name, article, barcode, characteristics, is_active from onec.product_variants") == [
        ("Стул, синий", "A-1-1", None, {"Цвет": "синий"}, True)
    ]
    assert rows("select path from onec.image_references") == ["a.jpg"]


def test_what_prices_describe_of_an_offer_that_nothing_else_states_is_a_variant(export, imports, rows, xml):
    export.goods(xml.good("g"))
    export.prices(xml.prices("g#1", one=5).replace("</Ид>", f"</Ид><Артикул>A-1-1</Артикул>{BLUE}", 1))
    imports.catalog()
    variants = "select article, characteristics, is_active from onec.product_variants"
    assert rows(variants) == [("A-1-1", {"Цвет": "синий"}, True)]
    imports.catalog(force=True)
    assert rows(variants) == [("A-1-1", {"Цвет": "синий"}, True)]


@pytest.mark.parametrize("repeats", ["prices", "rests"])
def test_variants_that_prices_or_rests_alone_describe_follow_them(repeats, export, imports, rows, xml):
    def state(*articles):
        carriers = [
            getattr(xml, repeats)(f"g#{article}", one=5).replace("</Ид>", f"</Ид><Артикул>{article}</Артикул>", 1)
            for article in articles
        ]
        getattr(export, repeats)("".join(carriers))
        imports.catalog(max_deactivation=1)

    variants = "select onec_id, article, is_active from onec.product_variants order by 1"
    export.goods(xml.good("g"))
    state("1", "2")
    state("1")
    assert rows(variants) == [("g#1", "1", True), ("g#2", "2", False)]
    state("1", "2")
    assert rows(variants) == [("g#1", "1", True), ("g#2", "2", True)]
    export.offers(xml.offer("g#1", "Стул, синий"))
    state("1", "2")
    export.offers("", delta=True)
    state("1")
    assert rows("select name, article from onec.product_variants where onec_id = 'g#1'") == [("Стул, синий", None)]


def test_positions_of_images_count_from_zero_and_an_empty_one_takes_none(export, imports, rows, xml):
    export.goods(xml.good("g", more="<Картинка>b.jpg</Картинка><Картинка/><Картинка>a.jpg</Картинка>"))
    export.offers(xml.offer("g#1", more="<Картинка>c.jpg</Картинка>"))
    imports.catalog()
    assert rows("""
        select r.product_id is not null, r.variant_id is not null, position, path
        from onec.image_references r order by r.variant_id nulls first, position
    """) == [(True, False, 0, "b.jpg"), (True, False, 1, "a.jpg"), (False, True, 0, "c.jpg")]


IMAGES = """
    select coalesce(p.onec_id, v.onec_id), r.path from onec.image_references r
    left join onec.products p on p.id = r.product_id left join onec.product_variants v on v.id = r.variant_id
    order by 1, position
"""
A, B, NONE = "<Картинка>a.jpg</Картинка>", "<Картинка>b.jpg</Картинка>", "<Картинка/>"


@pytest.mark.parametrize("delta", [False, True], ids=["full", "changes"])
def test_an_export_in_which_no_good_names_an_image_takes_none_away(export, imports, rows, xml, delta):
    export.goods(xml.good("g", more=A) + xml.good("h", more=B))
    imports.catalog()
    export.goods(xml.good("g", "Стол") + xml.good("h"), delta=delta)
    imports.catalog()
    assert rows(IMAGES) == [("g", "a.jpg"), ("h", "b.jpg")]


def test_where_a_good_names_an_image_one_that_names_none_has_none(export, imports, rows, xml):
    export.goods(xml.good("g", more=A) + xml.good("h", more=B))
    imports.catalog()
    export.goods(xml.good("g") + xml.good("h", more=A), delta=True)
    imports.catalog()
    assert rows(IMAGES) == [("h", "a.jpg")]


def test_a_good_with_an_empty_image_has_none_whatever_the_others_say(export, imports, rows, xml):
    export.goods(xml.good("g", more=A) + xml.good("h", more=B))
    imports.catalog()
    export.goods(xml.good("g", more=NONE) + xml.good("h"))
    imports.catalog()
    assert rows(IMAGES) == [("h", "b.jpg")]


def test_images_of_goods_and_of_offers_are_told_apart(export, imports, rows, xml):
    export.goods(xml.good("g", more=A))
    export.offers(xml.offer("g#1", more=B))
    imports.catalog()
    export.goods(xml.good("g"))
    export.offers(xml.offer("g#1", more=A))
    imports.catalog()
    assert rows(IMAGES) == [("g", "a.jpg"), ("g#1", "a.jpg")]
    export.goods(xml.good("g", more=B))
    export.offers(xml.offer("g#1"))
    imports.catalog()
    assert rows(IMAGES) == [("g", "b.jpg"), ("g#1", "a.jpg")]


def test_where_an_offer_names_an_image_one_that_names_none_has_none(export, imports, rows, xml):
    export.goods(xml.good("g"))
    export.offers(xml.offer("g#1", more=A) + xml.offer("g#2", more=B))
    imports.catalog()
    export.offers(xml.offer("g#1") + xml.offer("g#2", more=B), delta=True)
    imports.catalog()
    assert rows(IMAGES) == [("g#2", "b.jpg")]


def test_variants_that_are_goods_are_judged_with_the_goods(export, imports, rows, xml):
    export.goods(xml.good("g#1", more=A) + xml.good("g#2", more=B))
    imports.catalog()
    stated = rows(IMAGES)
    export.goods(xml.good("g#1") + xml.good("g#2"))
    export.offers(xml.offer("g#3", more=B))
    imports.catalog()
    assert rows(IMAGES) == [*stated, ("g#3", "b.jpg")]
    assert ("g#1", "a.jpg") in stated


def test_goods_with_a_characteristic_in_their_id_are_one_product_with_variants(export, imports, rows, xml):
    export.goods(xml.good("g#1", "Стул синий") + xml.good("g#2", "Стул белый") + xml.good("h#1", "Стол"))
    report = imports.catalog()
    assert rows("select onec_id from onec.products order by 1") == ["g", "h"]
    assert rows("select onec_id, name, is_default from onec.product_variants order by 1") == [
        ("g#1", "Стул синий", False), ("g#2", "Стул белый", False), ("h#1", "Стол", False)
    ]  # fmt: skip
    assert report.counters.created == 5


def test_such_a_product_is_active_as_long_as_one_variant_is(export, imports, rows, xml):
    gone = "<ПометкаУдаления>true</ПометкаУдаления>"
    export.goods(xml.good("g#1") + xml.good("g#2"))
    imports.catalog()
    export.goods(xml.good("g#2", more=gone), delta=True)
    imports.catalog()
    assert rows(PRODUCT.format("is_active")) == [True]
    export.goods(xml.good("g#1", more=gone), delta=True)
    imports.catalog()
    assert rows(PRODUCT.format("is_active")) == [False]


def test_what_an_offer_does_not_state_such_a_good_does(export, imports, rows, xml):
    more = "<Артикул>A-1</Артикул><Штрихкод>460</Штрихкод><Картинка>a.jpg</Картинка>"
    export.goods(xml.good("g#1", "Стул", more + BLUE) + xml.good("g#2", "Стул", more))
    export.offers(xml.offer("g#1", "Стул, синий") + xml.offer("g#2", "Стул", "<Артикул>A-2</Артикул>"))
    report = imports.catalog()
    assert report.counters.total == 3
    assert rows("select name, article, barcode, characteristics from onec.product_variants order by onec_id") == [
        ("Стул, синий", "A-1", "460", {"Цвет": "синий"}),
        ("Стул", "A-2", "460", {}),
    ]
    images = "select count(*) from onec.image_references where variant_id is not null and path = 'a.jpg'"
    assert rows(images) == [2]


@pytest.mark.parametrize("sent", ["goods", "offers"])
def test_of_such_a_good_and_its_offer_the_one_that_a_delta_does_not_send_again_still_holds(
    sent, export, imports, rows, xml
):
    stated = {
        "goods": xml.good("g#1", "Стул", "<Штрихкод>460</Штрихкод><Картинка>a.jpg</Картинка>"),
        "offers": xml.offer("g#1", "Стул, синий", f"<Артикул>A-1</Артикул>{BLUE}"),
    }
    variants = "select name, article, barcode, characteristics, is_active from onec.product_variants"
    images = "select path from onec.image_references where variant_id is not null"
    whole = [("Стул, синий", "A-1", "460", {"Цвет": "синий"}, True)], ["a.jpg"]
    for directory, element in stated.items():
        getattr(export, directory)(element)
    imports.catalog()
    for directory in stated:
        getattr(export, directory)("", delta=True)
    for is_active, element in enumerate(
        ['<{0} Статус="Удален"><Ид>g#1</Ид></{0}>'.format("Товар" if sent == "goods" else "Предложение"), stated[sent]]
    ):
        getattr(export, sent)(element, delta=True)
        imports.catalog()
        assert rows("select is_active from onec.product_variants") == [bool(is_active)]
    assert (rows(variants), rows(images)) == whole


def test_a_pending_offer_says_what_it_has_to_when_such_a_good_comes(export, imports, rows, xml):
    export.offers(xml.offer("g#1", "Стул, синий", f"<Артикул>A-1</Артикул>{BLUE}"))
    imports.catalog()
    export.offers("", delta=True)
    export.goods(xml.good("g#1", "Стул", "<Штрихкод>460</Штрихкод>"), delta=True)
    imports.catalog()
    assert rows("select name, article, barcode, characteristics from onec.product_variants") == [
        ("Стул, синий", "A-1", "460", {"Цвет": "синий"})
    ]
    assert rows("select count(*) from onec.pending_records") == [0]


def test_what_such_a_good_has_stated_of_a_variant_ends_with_a_full_export_without_it(export, imports, rows, xml):
    export.goods(xml.good("g#1", "Стул", "<Артикул>A-1</Артикул>"))
    export.offers(xml.offer("g#1", "Стул, синий"))
    imports.catalog()
    export.goods(xml.good("g"))
    imports.catalog()
    export.offers(xml.offer("g#1", "Стул, белый"), delta=True)
    imports.catalog()
    assert rows("select name, article, statements from onec.product_variants") == [("Стул, белый", None, None)]


def test_an_offer_of_such_a_good_that_is_marked_as_deleted_is_deleted(export, imports, rows, xml):
    export.goods(xml.good("g#1", more="<ПометкаУдаления>true</ПометкаУдаления>"))
    export.offers(xml.offer("g#1"))
    imports.catalog()
    assert rows("select is_active from onec.product_variants") == [False]
    assert rows(PRODUCT.format("is_active")) == [False]


@pytest.mark.parametrize("name", ["", "<Наименование>Стул белый (снят)</Наименование>"])
def test_a_variant_that_is_marked_as_deleted_says_nothing_of_such_a_product_while_another_is_active(
    name, export, imports, rows, xml
):
    export.goods(xml.good("g#1", "Стул", "<Артикул>A-1</Артикул><Картинка>a.jpg</Картинка>") + xml.good("g#2"))
    imports.catalog()
    product = "select name, article, is_active from onec.products"
    images = "select path from onec.image_references where product_id is not null"
    before = rows(product), rows(images)
    export.goods(f'<Товар Статус="Удален"><Ид>g#1</Ид>{name}<Картинка>b.jpg</Картинка></Товар>', delta=True)
    imports.catalog()
    assert (rows(product), rows(images)) == before
    assert rows("select onec_id, is_active from onec.product_variants order by 1") == [("g#1", False), ("g#2", True)]
    export.goods(f'<Товар Статус="Удален"><Ид>g#2</Ид>{name}</Товар>', delta=True)
    imports.catalog()
    assert rows(PRODUCT.format("is_active")) == [False]


def test_such_a_product_has_the_name_of_a_deleted_variant_where_nothing_else_names_it(export, imports, rows, xml):
    export.goods(xml.good("g#1", "Стул", "<ПометкаУдаления>true</ПометкаУдаления>"))
    export.offers(xml.offer("g#2"))
    imports.catalog()
    assert rows(PRODUCT.format("name, is_active")) == [("Стул", True)]


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_deleted_variants_of_such_a_product_the_one_that_says_more_names_it(order, export, imports, rows, xml):
    deleted = [
        xml.good("g#1", "Стул", "<ПометкаУдаления>true</ПометкаУдаления>"),
        '<Товар Статус="Удален"><Ид>g#2</Ид></Товар>',
    ]
    export.goods("".join(deleted[::order]))
    imports.catalog()
    assert rows(PRODUCT.format("name, is_active")) == [("Стул", False)]


@pytest.mark.parametrize("name", ["", "<Наименование>Стул белый (снят)</Наименование>"])
def test_such_a_product_goes_with_its_only_variant_in_the_same_export(name, export, imports, rows, xml):
    export.goods(xml.good("g#1", "Стул", BLUE))
    export.goods(f'<Товар Статус="Удален"><Ид>g#1</Ид>{name}{BLUE}</Товар>', segment=2)
    imports.catalog()
    assert rows(PRODUCT.format("is_active")) == [False]
    assert rows(PRODUCT.format("name <> ''")) == [True]
    assert rows("select characteristics, is_active from onec.product_variants") == [({"Цвет": "синий"}, False)]


def test_such_a_product_is_active_where_the_offers_of_the_same_delta_state_another_variant(export, imports, rows, xml):
    export.goods(xml.good("g#1") + xml.good("g#2"))
    imports.catalog()
    export.goods('<Товар Статус="Удален"><Ид>g#1</Ид></Товар>', delta=True)
    export.offers(xml.offer("g#2"), delta=True)
    imports.catalog()
    assert rows(PRODUCT.format("is_active")) == [True]


def test_such_a_product_goes_when_one_variant_is_marked_and_a_full_export_misses_the_other(export, imports, rows, xml):
    export.goods(xml.good("g#1") + xml.good("g#2") + xml.good("h#1"))
    imports.catalog()
    export.goods(xml.good("g#1", more="<ПометкаУдаления>true</ПометкаУдаления>") + xml.good("h#1"))
    imports.catalog()
    assert rows("select onec_id from onec.products where is_active") == ["h"]
    assert rows("select onec_id from onec.product_variants where is_active") == ["h#1"]


# Hostile values ---------------------------------------------------------------------------------------------------

HOSTILE = r"'; drop table onec.products; -- \N \\. %s %(x)s {0} $1 \x00 " "	«ёж» 🪑"


def test_texts_are_stored_as_sent(export, imports, rows, xml):
    export.goods(xml.good("g", HOSTILE, f"<Артикул>{HOSTILE}</Артикул><Картинка>{HOSTILE}</Картинка>"))
    export.offers(
        xml.offer(
            f"g#{HOSTILE}",
            HOSTILE,
            f"<ХарактеристикиТовара><ХарактеристикаТовара><Наименование>{HOSTILE}</Наименование><Значение>{HOSTILE}"
            "</Значение></ХарактеристикаТовара></ХарактеристикиТовара>",
        )
    )
    export.groups(xml.group(HOSTILE, name=HOSTILE))
    imports.catalog()
    assert rows("select name, article from onec.products") == [(HOSTILE, HOSTILE)]
    assert rows("select onec_id, name, characteristics from onec.product_variants") == [
        (f"g#{HOSTILE}", HOSTILE, {HOSTILE: HOSTILE})
    ]
    assert rows("select onec_id, name from onec.categories") == [(HOSTILE, HOSTILE)]
    assert rows("select path from onec.image_references") == [HOSTILE]


def test_texts_of_a_megabyte_are_stored_whole(export, imports, rows, xml):
    long = "".join(chr(0x400 + number * number % 997 % 256) for number in range(500_000))
    export.goods(xml.good("g", long, f"<Описание>{long}</Описание><Штрихкод>{long}</Штрихкод>"))
    imports.catalog()
    assert rows("select name, description, barcode from onec.products") == [(long, long, long)]


def test_an_id_too_long_for_an_index_is_rejected_and_costs_nothing_else(export, imports, rows, xml):
    export.goods(xml.good("g" * 3000) + xml.good("g"))
    report = imports.catalog()
    assert report.counters.errors == 1
    assert rows("select onec_id from onec.products") == ["g"]


def test_what_macos_leaves_beside_the_files_stops_no_import_and_is_named(export, imports, rows, xml):
    path = export.goods(xml.good("g"))
    path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7Mac OS X")
    report = imports.catalog()
    assert rows("select onec_id from onec.products") == ["g"]
    assert any(notice.endswith(f"не прочитаны: goods/._{path.name}.") for notice in report.notices)
