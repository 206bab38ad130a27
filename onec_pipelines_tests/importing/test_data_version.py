"""`data_version` of a report: another one whenever the import wrote or removed a row of its asset, and only then."""

KINDS = "<ТипЦены><Ид>t</Ид></ТипЦены><ТипЦены><Ид>u</Ид></ТипЦены>"


def test_an_import_that_writes_a_row_has_another_version(export, imports, xml):
    export.goods(xml.good("g"))
    first = imports.catalog().data_version
    export.goods(xml.good("g") + xml.good("h"))
    assert imports.catalog().data_version > first


def test_an_import_that_only_removes_a_row_has_another_version(export, imports, xml):
    export.goods(xml.good("g"))
    export.offers(xml.offer("g#1"))
    export.price_types(KINDS)
    export.prices(xml.prices("g#1", t=5, u=6))
    imports.catalog()
    first = imports.prices().data_version
    export.price_types(KINDS)
    export.prices(xml.prices("g#1", t=5))
    assert imports.prices().data_version > first


def test_other_files_that_say_the_same_leave_the_version_as_it_is(export, imports, xml):
    export.goods(xml.good("g"))
    first = imports.catalog()
    export.goods("<!-- written anew -->" + xml.good("g"))
    again = imports.catalog()
    assert again.fingerprint != first.fingerprint
    assert again.data_version == first.data_version


def test_an_import_that_finds_its_files_unchanged_has_the_version_of_the_last_one(export, imports, xml):
    export.goods(xml.good("g"))
    assert imports.catalog().data_version == imports.catalog().data_version != ""


def test_rows_that_land_without_a_new_file_are_another_version(export, imports, xml):
    export.goods(xml.good("h"))
    imports.catalog()
    export.price_types(KINDS)
    export.prices(xml.prices("g#1", t=5))
    first = imports.prices().data_version
    export.goods(xml.good("g") + xml.good("h"))
    export.offers(xml.offer("g#1"))
    imports.catalog()
    landed = imports.prices()
    assert landed.counters.created == 1
    assert landed.data_version > first


def test_a_row_that_is_pending_still_is_no_other_version(export, imports, xml):
    export.goods(xml.good("h"))
    imports.catalog()
    export.price_types(KINDS)
    export.prices(xml.prices("g#1", t=5))
    first = imports.prices().data_version
    export.prices(xml.prices("g#1", t=6))
    assert imports.prices().data_version == first
