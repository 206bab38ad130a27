"""Files that XML forbids: what is mended without a guess, and what the others are refused for."""

import builtins
import tracemalloc

import pytest

from onec_pipelines.commerceml import catalog, mending
from onec_pipelines.commerceml.facts import read_file
from onec_pipelines.commerceml.records import Good, Mended
from onec_pipelines.errors import ExportError

DOCUMENT = """<?xml version="1.0" encoding="{encoding}"?>
<КоммерческаяИнформация><Каталог><Товары>
<Товар><Ид>a</Ид><Наименование>До</Наименование></Товар>
<Товар><Ид>b</Ид><Наименование>{name}</Наименование></Товар>
<Товар><Ид>c</Ид><Наименование>После</Наименование></Товар>
</Товары></Каталог></КоммерческаяИнформация>
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "import.xml"


def document(name="Стул", encoding="utf-8"):
    return DOCUMENT.format(name=name, encoding=encoding)


def read(path, kind):
    return [fact for fact in read_file(path, path.name, catalog.READERS) if isinstance(fact, kind)]


def names(path):
    return [good.name for good in read(path, Good)]


def mends(path):
    return [(mend.what, mend.times, mend.line) for mend in read(path, Mended)]


def refusal(path):
    with pytest.raises(ExportError) as refused:
        read(path, Good)
    return str(refused.value)


FORBIDDEN = ["Ст\x0bул", "Ст&#x1F;ул", "Ст&#31;ул", "Ст\x00ул", "Ст\uffffул", "Ст&#xD83D;ул", "Ст&#99999999999;ул"]


@pytest.mark.parametrize("name", [*FORBIDDEN, "<![CDATA[Ст\x0bул]]>"])
def test_a_character_that_xml_forbids_is_all_that_is_lost(path, name):
    path.write_text(document(name))
    assert names(path) == ["До", "Стул", "После"]
    assert mends(path) == [("пропущены знаки, недопустимые в XML", 1, 4)]


def test_half_an_emoji_is_all_that_is_lost(path):
    path.write_bytes(document("Стул\ud83d").encode("utf-8", "surrogatepass"))
    assert names(path) == ["До", "Стул", "После"]


@pytest.mark.parametrize(
    ("name", "text"), [("1&nbsp;кг", "1\xa0кг"), ("&laquo;Стул&raquo;", "«Стул»"), ("&LT;b> &amp;nbsp;", "<b> &nbsp;")]
)
def test_a_name_of_html_is_its_character_and_never_markup(path, name, text):
    path.write_text(document(name))
    assert names(path) == ["До", text, "После"]


@pytest.mark.parametrize("blanks", ["\n", "   ", "\r\n\t\n", " " * 300])
def test_blanks_before_the_declaration_are_nothing(path, blanks):
    path.write_text(blanks + document(), newline="")
    assert names(path) == ["До", "Стул", "После"]
    assert mends(path) == [("пропущены пустые строки или пробелы перед <?xml", 1, 1)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1251", "koi8-r", "utf-16"])
@pytest.mark.parametrize("name", ["Ст\x0bул", "Ст&#x1F;ул", "Ст&zwnj;ул"])
def test_a_file_is_mended_in_every_encoding(path, encoding, name):
    path.write_bytes(document(name, encoding.removesuffix("-sig")).encode(encoding))
    assert [name.replace("\u200c", "") for name in names(path)] == ["До", "Стул", "После"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "windows-1251", "utf-16-le", "utf-16-be", "utf-16"])
def test_blanks_before_the_declaration_are_nothing_in_every_encoding(path, encoding):
    declared = "utf-16" if encoding.startswith("utf-16") else encoding.removesuffix("-sig")
    path.write_bytes(("\n" + document(encoding=declared)).encode(encoding))
    assert names(path) == ["До", "Стул", "После"]


def test_what_looks_like_a_name_of_html_in_cdata_stays_what_it_is(path):
    path.write_text(document("<!-- <![CDATA[ -->б&nbsp;<![CDATA[&nbsp;&#x1F;]]>&nbsp;кг &amp; &quot;"))
    assert names(path)[1] == 'б\xa0&nbsp;&#x1F;\xa0кг & "'
    assert mends(path) == [("заменены знаками их имена из HTML (как &nbsp;)", 2, 4)]


@pytest.mark.parametrize("chunk", [16, 17, 61])
def test_it_makes_no_difference_where_the_file_is_cut_into_portions(path, monkeypatch, chunk):
    monkeypatch.setattr(mending, "CHUNK", chunk)
    path.write_text(document("1&nbsp;<![CDATA[&nbsp;]]>\x0b&thinsp;&#x1F;г"))
    assert names(path) == ["До", "1\xa0&nbsp;\u2009г", "После"]
    assert sorted(mends(path)) == [
        ("заменены знаками их имена из HTML (как &nbsp;)", 2, 4),
        ("пропущены знаки, недопустимые в XML", 2, 4),
    ]


def test_goods_behind_a_mended_place_know_their_lines(path):
    path.write_text("\n\n" + document("Ст\x0bул"))
    assert [good.line for good in read(path, Good)] == [5, 6, 7]


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (document() + document(), 7, "вероятно, в нём две выгрузки подряд"),
        (document() + "<КоммерческаяИнформация/>", 7, "за концом выгрузки в файле стоит ещё что-то"),
        (document("&foo;"), 4, "имя знака (&имя;), которого нет ни в XML, ни в HTML"),
        (document("\x0bа & б"), 4, "есть знак < или &"),
        (document("<![CDATA[а"), 7, "раздел CDATA не закрыт"),
        (document("<Ид"), 4, "есть знак < или &"),
        (document("Ст\x0bул")[:-40], 6, "вероятно, он выгружен не до конца"),
        (document("а &quot;б").partition("ot;")[0], 4, "вероятно, он выгружен не до конца"),
        (document("<![CDATA[а")[:-40], 6, "вероятно, он выгружен не до конца"),
    ],
)
def test_what_cannot_be_mended_is_refused_with_its_own_cause_and_line(path, content, line, says):
    path.write_text(content)
    assert says in refusal(path)
    assert f"(строка {line})" in refusal(path)


@pytest.mark.parametrize("name", ["\x0b", "&nbsp;", "&foo;", "а & б", "<![CDATA[а", "<Ид", "\udcff"])
def test_only_a_file_that_breaks_off_is_said_to_do_so(path, name):
    path.write_bytes((document(name) + document()).encode("utf-8", "surrogateescape"))
    assert "не до конца" not in refusal(path)


def test_the_end_of_a_long_file_in_utf_16_is_known(path):
    path.write_bytes(document("<![CDATA[" + "а" * 5000, "utf-16").encode("utf-16"))
    assert "раздел CDATA не закрыт" in refusal(path)


@pytest.mark.parametrize("encoding", ["hex", "bz2", "rot13", "1C-8"])
def test_what_is_no_encoding_of_text_is_refused(path, encoding):
    path.write_text(document(encoding=encoding))
    assert "кодировка, которая объявлена в первой строке, неизвестна" in refusal(path)


def test_bytes_of_another_encoding_are_no_matter_of_mending(path):
    path.write_bytes(document("\x0b").encode().replace("После".encode(), b"\xcf\xee"))
    assert "(строка 5): знаки не в той кодировке" in refusal(path)


@pytest.mark.parametrize("name", ["Стул", "Ст\x0bул"])
def test_a_file_is_opened_once_whether_it_is_mended_or_not(path, monkeypatch, name):
    path.write_text(document(name))
    opened, really = [], builtins.open
    monkeypatch.setattr(builtins, "open", lambda *args, **more: opened.append(args[0]) or really(*args, **more))
    assert names(path) == ["До", "Стул", "После"]
    assert len(opened) == 1


def test_a_good_file_is_never_mended(path, monkeypatch):
    monkeypatch.delattr("onec_pipelines.commerceml.xml.MendedStream")
    path.write_text(document())
    assert names(path) == ["До", "Стул", "После"]


def test_a_long_file_is_mended_in_flat_memory(path):
    good = "<Товар><Ид>{}</Ид><Наименование>Ст\x0bул&nbsp;</Наименование></Товар>\n"
    path.write_text(document().replace("</Товары>", "".join(map(good.format, range(100_000))) + "</Товары>"))
    tracemalloc.start()
    try:
        count = sum(isinstance(fact, Good) for fact in read_file(path, path.name, catalog.READERS))
        assert count == 100_003
        assert tracemalloc.get_traced_memory()[1] < path.stat().st_size / 4
    finally:
        tracemalloc.stop()
