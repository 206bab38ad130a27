"""What goods, offers and dictionaries become. Full and changes, defaults and waiting have files of their own."""

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
    assert "goods/goods_1_1.xml names catalog but holds none that could be read." in imports.catalog().notices


def test_an_export_without_anything_for_an_import_is_told(export, imports, xml):
    export.goods(xml.good("g"))
    imports.catalog()
    assert imports.stocks().notices == ("No file of the export holds stocks.",)


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
        "categories", "file_tags", "import_files", "import_states"
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


# Offers and pictures ----------------------------------------------------------------------------------------------


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


def test_positions_of_pictures_count_from_zero_and_an_empty_one_takes_none(export, imports, rows, xml):
    export.goods(xml.good("g", more="<Картинка>b.jpg</Картинка><Картинка/><Картинка>a.jpg</Картинка>"))
    export.offers(xml.offer("g#1", more="<Картинка>c.jpg</Картинка>"))
    imports.catalog()
    assert rows("""
        select r.product_id is not null, r.variant_id is not null, position, path
        from onec.image_references r order by r.variant_id nulls first, position
    """) == [(True, False, 0, "b.jpg"), (True, False, 1, "a.jpg"), (False, True, 0, "c.jpg")]


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


def test_an_id_too_long_for_an_index_is_refused_and_costs_nothing_else(export, imports, rows, xml):
    export.goods(xml.good("g" * 3000) + xml.good("g"))
    report = imports.catalog()
    assert report.counters.errors == 1
    assert rows("select onec_id from onec.products") == ["g"]
