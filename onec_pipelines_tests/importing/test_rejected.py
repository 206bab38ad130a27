"""Rows rejected for good: once, with place and reason, until they are sent right or no more."""

REJECTED = "select run_id, entity, onec_id, source_file, source_line, reason from onec.rejected_records order by id"


def test_a_rejected_row_says_where_it_stood_and_why(export, imports, rows):
    export.goods("<Товар><Ид>g</Ид><Артикул>A-1</Артикул></Товар>\n<Товар><Наименование>Стул</Наименование></Товар>")
    report = imports.catalog(run_id="r")
    assert rows(REJECTED) == [
        ("r", "product", "g", "goods/goods_1_1.xml", 4, "нет Наименования"),
        ("r", "product", None, "goods/goods_1_1.xml", 5, "нет Ид"),
    ]
    assert rows("select payload from onec.rejected_records where onec_id = 'g'") == [{"onec_id": "g", "article": "A-1"}]
    assert [(row.file, row.line, row.onec_id, row.reason) for row in report.rejected] == [
        ("goods/goods_1_1.xml", 4, "g", "нет Наименования"),
        ("goods/goods_1_1.xml", 5, None, "нет Ид"),
    ]
    assert (report.counters.total, report.counters.errors) == (2, 2)


def test_it_stands_once_however_often_it_is_sent_and_keeps_its_first_run(export, imports, rows):
    nameless = "<Товар><Ид>g</Ид></Товар><Товар><Наименование>Без Ид</Наименование></Товар>"
    export.goods(nameless)
    imports.catalog(run_id="first")
    (before,) = {rows("select min(created_at) from onec.rejected_records")[0]}
    imports.catalog(run_id="second", force=True)
    export.goods(nameless + "<Товар><Ид>h</Ид></Товар>")
    imports.catalog(run_id="third")
    assert [row[:3] for row in rows(REJECTED)] == [
        ("first", "product", "g"), ("first", "product", None), ("third", "product", "h")
    ]  # fmt: skip
    assert rows("select min(created_at) from onec.rejected_records") == [before]


def test_it_keeps_its_run_when_its_place_or_its_wrong_value_changes(export, imports, rows, xml):
    export.price_types(xml.price_type("retail"))
    export.goods(xml.good("g"))
    imports.catalog()
    export.prices(xml.prices("g", retail="дорого"))
    imports.prices(run_id="first")
    export.prices("\n\n" + xml.prices("g", retail="очень дорого"))
    imports.prices(run_id="second")
    assert [row[:5] for row in rows(REJECTED)] == [("first", "price", "g", "prices/prices_1_1.xml", 6)]
    assert rows("select payload ->> 'ЦенаЗаЕдиницу' from onec.rejected_records") == ["очень дорого"]


def test_it_stands_once_when_several_segments_send_it(export, imports, rows):
    for segment in (1, 2):
        export.goods("<Товар><Ид>g</Ид></Товар>", segment=segment)
    assert imports.catalog().counters.errors == 1
    assert [row[3] for row in rows(REJECTED)] == ["goods/goods_1_2.xml"]


def test_rows_without_an_id_are_as_many_as_there_are_also_on_one_line(export, imports, rows):
    export.goods("<Товар><Наименование>а</Наименование></Товар>" * 2)
    assert imports.catalog(run_id="first").counters.errors == 2
    export.goods("<Товар><Наименование>а</Наименование></Товар>")
    assert imports.catalog(run_id="second").counters.errors == 1
    assert [row[0] for row in rows(REJECTED)] == ["first"]


def test_it_leaves_when_it_is_sent_right(export, imports, rows, xml):
    export.goods("<Товар><Ид>g</Ид></Товар>")
    imports.catalog()
    export.goods(xml.good("g"))
    assert imports.catalog().counters.errors == 0
    assert rows(REJECTED) == []


def test_it_leaves_when_a_later_segment_sends_it_right(export, imports, xml):
    export.goods("<Товар><Ид>g</Ид></Товар><Товар><Ид>h#1</Ид></Товар>", segment=2)
    export.goods(xml.good("g") + xml.good("h#1"), segment=10)
    export.groups("<Группа><Ид>a</Ид></Группа>", segment=2)
    export.groups(xml.group("a"), segment=10)
    assert imports.catalog().counters.errors == 0


def test_it_leaves_when_it_is_no_longer_sent(export, imports, xml):
    export.goods("<Товар><Ид>g</Ид></Товар>", delta=True)
    imports.catalog()
    export.goods(xml.good("h"), delta=True)
    assert imports.catalog().counters.errors == 0


def test_rejected_rows_of_one_import_are_no_business_of_another(export, imports, rows, xml):
    export.price_types(xml.price_type("retail"))
    export.goods(xml.good("g") + "<Товар><Ид>h</Ид></Товар>")
    export.prices(xml.prices("g", retail="дорого"))
    imports.catalog()
    assert imports.prices().counters.errors == 1
    assert imports.catalog(force=True).counters.errors == 1
    assert [row[2] for row in rows(REJECTED)] == ["h", "g"]


def test_the_first_ten_are_shown(export, imports):
    export.goods("".join(f"<Товар><Ид>g{number:02}</Ид></Товар>" for number in range(12)))
    report = imports.catalog()
    assert [row.onec_id for row in report.rejected] == [f"g{number:02}" for number in range(10)]
    assert report.counters.errors == 12


def test_a_skipped_export_still_reports_its_rejected_rows(export, imports):
    export.goods("<Товар><Ид>g</Ид></Товар>")
    imports.catalog(run_id="first")
    report = imports.catalog(run_id="second")
    assert (report.counters.total, report.counters.skipped, report.counters.errors) == (1, 0, 1)
    assert report.rejected[0].onec_id == "g"


def test_elements_that_nobody_knows_are_named(export, imports, xml):
    export.goods(xml.good("g", more="<Новинка>да</Новинка>"))
    report = imports.catalog()
    assert any("Товар/Новинка" in notice for notice in report.notices)


def test_a_good_without_end_is_rejected_keeps_what_is_known_and_does_not_stop_the_others(
    monkeypatch, export, imports, rows, xml
):
    export.goods(xml.good("g") + xml.good("h"))
    imports.catalog()
    values = "".join(f"<ЗначенияСвойства><Ид>{n}</Ид><Значение>1</Значение></ЗначенияСвойства>" for n in range(5_000))
    endless = f"<ЗначенияСвойств>{values}</ЗначенияСвойств>"
    monkeypatch.setattr("onec_pipelines.commerceml.xml.MAX_RECORD_BYTES", 100_000)
    export.goods(xml.good("g", "Стол", more=endless) + xml.good("h", "Шкаф"))
    report = imports.catalog()
    assert rows("select onec_id, entity, reason from onec.rejected_records") == [
        ("g", "product", "Товар: длиннее 32 МБ")
    ]
    assert rows("select onec_id, name, is_active from onec.products order by 1") == [
        ("g", "Стул", True), ("h", "Шкаф", True)
    ]  # fmt: skip
    assert report.counters.errors == 1
