"""The views for people: readable without a join, and right."""


def test_product_attributes_show_labels_and_names(export, imports, rows, xml):
    export.properties("""
        <Свойство><Ид>colour</Ид><Наименование>Цвет</Наименование><ВариантыЗначений>
          <Справочник><ИдЗначения>c1</ИдЗначения><Значение>синий</Значение></Справочник>
          <Справочник><ИдЗначения>c2</ИдЗначения><Значение>белый</Значение></Справочник>
        </ВариантыЗначений></Свойство>
        <Свойство><Ид>other</Ид><Наименование>Прочее</Наименование><ВариантыЗначений>
          <Справочник><ИдЗначения>42</ИдЗначения><Значение>чужой ярлык</Значение></Справочник>
        </ВариантыЗначений></Свойство>
        <Свойство><Ид>length</Ид><Наименование>Длина</Наименование></Свойство>
    """)
    export.goods(xml.good("g", more="""
        <Артикул>A-1</Артикул><ЗначенияСвойств>
          <ЗначенияСвойства><Ид>colour</Ид><Значение>c2</Значение><Значение>c1</Значение></ЗначенияСвойства>
          <ЗначенияСвойства><Ид>length</Ид><Значение>42</Значение></ЗначенияСвойства>
          <ЗначенияСвойства><Ид>unknown</Ид><Значение>как есть</Значение></ЗначенияСвойства>
        </ЗначенияСвойств>
    """))  # fmt: skip
    imports.catalog()
    assert rows("select product_onec_id, article, property_name, value from onec.product_attributes order by 3") == [
        ("g", "A-1", "unknown", "как есть"),
        ("g", "A-1", "Длина", "42"),
        ("g", "A-1", "Цвет", "белый, синий"),
    ]


def test_current_prices_show_what_can_be_sold(export, imports, rows, xml):
    export.goods(xml.good("g", "Стул", "<Артикул>A</Артикул>") + xml.good("h", more="<Статус>Удален</Статус>"))
    export.offers(
        xml.offer("g#1", "Синий", "<Артикул>A-1</Артикул>")
        + "<Предложение><Ид>g</Ид></Предложение>"
        + xml.offer("g#2", more="<Статус>Удален</Статус>")
        + xml.offer("h#1")
    )
    export.price_types(xml.price_type("retail"))
    export.prices("".join(xml.prices(name, retail=5) for name in ("g", "g#1", "g#2", "h#1")))
    imports.everything()
    assert rows("select count(*) from onec.prices") == [4]
    assert rows("""
        select product_onec_id, variant_onec_id, article, product_name, variant_name, price_type_name, value, currency
        from onec.current_prices order by 2
    """) == [
        ("g", "g", "A", "Стул", "Стул", "retail", 5, "RUB"),
        ("g", "g#1", "A-1", "Стул", "Синий", "retail", 5, "RUB"),
    ]
