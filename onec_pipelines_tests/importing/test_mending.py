"""An import of files that XML forbids: what can be mended is imported, and a notice says where 1C wrote it."""

import pytest

from onec_pipelines.errors import ExportError
from onec_pipelines.importing import parallel

FORBIDDEN = "Файл {} исправлен при чтении: пропущены знаки, недопустимые в XML: {}, первый в строке {}."


def test_one_bad_character_keeps_nothing_out_but_itself(export, imports, xml, rows):
    export.goods("\n".join([xml.good("a", "До"), xml.good("b", "Ст\x0bул"), xml.good("c", "По&#x1F;сле")]))
    report = imports.catalog()
    assert rows("select name from onec.products order by onec_id") == ["До", "Стул", "После"]
    assert report.counters.created == 3
    assert report.notices == (FORBIDDEN.format("goods/goods_1_1.xml", 2, 5),)


def test_no_good_in_front_of_a_mended_place_is_taken_twice(export, imports, xml, rows):
    export.rests(xml.rests("a", w=1) + xml.rests("b", w=2) + xml.rests("c\x0b", w=3))
    export.warehouses(xml.warehouse("w"))
    export.goods("".join(map(xml.good, "abc")))
    imports.catalog()
    report = imports.stocks()
    assert rows("select quantity from onec.current_stocks order by 1") == [1, 2, 3]
    assert report.counters.created == 3


def test_a_mended_file_is_the_same_to_several_processes(export, imports, xml, rows, monkeypatch):
    monkeypatch.setattr(parallel, "WORTH_A_PROCESS", 0)
    export.goods(xml.good("a", "Ст&nbsp;ул"), segment=1)
    export.goods(xml.good("b", "Ст\x0bол"), segment=2)
    report = imports.catalog(workers=2)
    assert rows("select name from onec.products order by onec_id") == ["Ст\xa0ул", "Стол"]
    assert [notice.split(":")[0] for notice in report.notices] == [
        "Файл goods/goods_1_1.xml исправлен при чтении",
        "Файл goods/goods_1_2.xml исправлен при чтении",
    ]


def test_many_mended_files_are_counted(export, imports, xml):
    for segment in range(1, 9):
        export.goods(xml.good(f"g{segment}", "Ст\x0bул"), segment=segment)
    notices = imports.catalog().notices
    assert len(notices) == 6
    assert notices[-1] == "Исправлены при чтении и другие файлы: всего исправленных 8."


@pytest.mark.parametrize("encoding", ["windows-1251", "utf-16"])
def test_a_whole_export_is_mended_in_every_encoding(export, imports, xml, rows, encoding):
    path = export.goods(xml.good("a", "Ст\x0bул"))
    text = path.read_text().replace('encoding="utf-8"', f'encoding="{encoding}"')
    path.write_bytes(("\ufeff" * (encoding == "utf-16") + "\n" + text).encode(encoding.replace("16", "16-le")))
    imports.catalog()
    assert rows("select name from onec.products") == ["Стул"]


def test_a_file_that_holds_nothing_of_a_dataset_may_be_mended_too(export, imports, xml):
    export.goods(xml.good("a"))
    path = export.write("goods/goods_1_2.xml", "<Каталог/>")
    path.write_bytes(path.read_bytes() + b"\x1a")
    assert imports.catalog().counters.created == 1


def test_what_cannot_be_mended_stops_the_import_with_its_cause(export, imports, xml, rows):
    export.goods(xml.good("a"))
    path = export.goods(xml.good("b"), segment=2)
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(ExportError, match="вероятно, в нём две выгрузки подряд"):
        imports.catalog()
    assert rows("select name from onec.products") == []
