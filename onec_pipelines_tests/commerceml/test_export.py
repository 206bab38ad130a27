"""The export directory: layouts, order, what a file holds."""

import hashlib
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from onec_pipelines.commerceml import export
from onec_pipelines.commerceml.export import (
    DIRECTORIES,
    FileContent,
    Layout,
    fingerprint,
    hash_file,
    holds_dataset,
    is_beside_offers,
    list_export,
    name_of,
    natural_key,
    read_content,
)
from onec_pipelines.errors import ExportError

DATASETS = ("catalog", "prices", "stocks", "customers")


def listed(root):
    return [file.name for file in list_export(root).files]


def content_of(write, body, name="file.xml"):
    path = write(name, body)
    (file,) = (file for file in list_export(path.parents[len(name.split("/")) - 1]).files if file.name == name)
    return file, read_content(file)


# Listing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_any_directory_of_3_1_makes_the_layout(write, tmp_path, directory):
    write(f"{directory}/{directory}.xml")
    assert list_export(tmp_path).layout is Layout.DIRECTORIES


@pytest.mark.parametrize(
    "names",
    [
        ["import.xml", "offers.xml"],
        ["import0_1.xml", "offers0_1.xml"],
        ["import___5c1f.xml", "offers___5c1f.xml", "prices___5c1f.xml", "rests___5c1f.xml"],
        ["import.xml", "import_files/01/a.jpg"],
    ],
)
def test_files_side_by_side_make_the_other_layout(write, tmp_path, names):
    for name in names:
        write(name)
    assert list_export(tmp_path).layout is Layout.FILES


def test_images_are_relative_to_goods_or_lie_beside_the_files(write, tmp_path):
    write("old/import.xml")
    write("new/goods/goods.xml")
    assert list_export(tmp_path / "old").images_base == tmp_path / "old"
    assert list_export(tmp_path / "new").images_base == tmp_path / "new" / "goods"


def test_only_xml_files_of_the_root_and_its_directories_are_listed(write, tmp_path):
    for name in ("import.xml", "UPPER.XML", "goods/goods.xml", "notes.txt", "xml", "goods/import.xml.tmp"):
        write(name)
    for name in ("import_files/01/a.xml", "import_files/a.xml", "goods/import_files/a.xml", "goods/deep/er/a.xml"):
        write(name)
    (tmp_path / "directory.xml").mkdir()
    (tmp_path / ".#import.xml").symlink_to("somebody@host.1234:5678")  # the lock of an editor
    (tmp_path / "link.xml").symlink_to(tmp_path / "import.xml")
    assert sorted(listed(tmp_path)) == ["UPPER.XML", "goods/goods.xml", "import.xml", "link.xml"]


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda path: path.symlink_to("gone.xml"), "это ссылка, которая никуда не ведёт"),
        (lambda path: path.symlink_to("goods.xml/below"), "это ссылка, которая никуда не ведёт"),
        (lambda path: path.symlink_to(path.name), "это ссылка, которая никуда не ведёт"),
        (os.mkfifo, "это не файл, а канал, сокет или устройство"),
        (lambda path: path.symlink_to("/dev/zero"), "это не файл, а канал, сокет или устройство"),
    ],
    ids=["dangling", "through a file", "looping", "FIFO", "device"],
)
def test_what_has_the_name_of_a_segment_and_is_no_file_is_refused_by_its_name(write, tmp_path, make, found):
    write("goods/goods.xml")
    make(tmp_path / "goods/goods_2.XML")
    with pytest.raises(ExportError) as refused:
        list_export(tmp_path)
    assert str(refused.value) == (
        f"Файл goods/goods_2.XML не удалось прочитать: {found}. Импорт не выполнен, данные не изменены. "
        "Уберите его из директории обмена или выгрузите файл из 1С ещё раз."
    )


def test_a_file_that_is_gone_when_it_is_looked_at_is_no_matter_of_rights(write, tmp_path):
    write("goods/goods.xml")
    (file,) = list_export(tmp_path).files
    (tmp_path / "goods").rename(tmp_path / "goods.old")
    for look in (read_content, hash_file):
        with pytest.raises(ExportError, match=r"^Файл goods/goods\.xml не удалось прочитать: он исчез, выгрузку"):
            look(file)


@pytest.mark.parametrize(
    ("on_disk", "name"),
    [
        ("goods/Товары.xml".encode(), "goods/Товары.xml"),
        ("goods/Цены.xml".encode("cp1251"), r"goods/\xd6\xe5\xed\xfb.xml"),
        (b"\xef\xf0/offers.xml", r"\xef\xf0/offers.xml"),
        (rb"back\slash.xml", r"back\slash.xml"),
        (rb"back\slash" + b"\xd6.xml", r"back\\slash\xd6.xml"),
        (b"\x1b\xc2\x9b\n.xml", "\x1b\x9b\n.xml"),
    ],
)
def test_the_name_of_a_file_is_text_whatever_its_bytes_are(on_disk, name):
    assert name_of(Path(os.fsdecode(on_disk))) == name
    name.encode()


def test_two_files_have_two_names_whatever_their_bytes_are(tmp_path):
    bytes_and_what_looks_like_them = [b"\xd6.xml", rb"\xd6.xml", rb"\\xd6.xml", b"\\\xd6.xml", "Ö.xml".encode()]
    for name in bytes_and_what_looks_like_them:
        (tmp_path / os.fsdecode(name)).write_bytes(name)
    files = list_export(tmp_path).files
    assert len({file.name for file in files}) == len(bytes_and_what_looks_like_them)
    assert {file.path.read_bytes() for file in files} == {*bytes_and_what_looks_like_them}


@pytest.mark.parametrize(
    "names",
    [
        ["goods_1_1_f.xml", "goods_1_2_a.xml", "goods_1_10_0.xml"],
        ["import0_1.xml", "import0_2.xml", "import0_10.xml", "import1_1.xml"],
        ["contragents_2_b.xml", "contragents_10_a.xml"],
        ["goods.xml", "goods_1_1_a.xml"],
        ["Goods_1.xml", "goods_2.xml", "GOODS_3.xml"],
    ],
)
def test_segments_are_read_in_the_order_of_their_numbers(write, tmp_path, names):
    for name in reversed(names):
        write(name)
    assert listed(tmp_path) == names


@given(st.lists(st.text(), max_size=5))
def test_any_names_can_be_ordered(texts):
    assert sorted(sorted(texts, key=natural_key, reverse=True), key=natural_key) == sorted(texts, key=natural_key)


def test_a_file_is_known_by_its_name_in_the_export_and_its_size(write, tmp_path):
    path = write("goods/goods.xml", "<a/>")
    (file,) = list_export(tmp_path).files
    assert (file.path, file.name, file.size, file.mtime_ns) == (path, "goods/goods.xml", 4, path.stat().st_mtime_ns)


@pytest.mark.parametrize("name", ["gone", "file.xml", "file.xml/below"])
def test_what_is_no_directory_is_said_not_to_be_found(write, tmp_path, name):
    write("file.xml")
    with pytest.raises(ExportError) as refused:
        list_export(tmp_path / name)
    assert str(refused.value) == (
        f"Директория данных 1С не найдена: {tmp_path / name}. Убедитесь, что данные выгружены из 1С."
    )


def test_an_empty_directory_is_an_export_without_files(tmp_path):
    assert list_export(tmp_path).files == ()


def test_a_directory_has_files_when_it_holds_xml(write, tmp_path):
    write("goods/goods.xml")
    write("goods_old/goods.xml")
    (tmp_path / "offers").mkdir()
    listing = list_export(tmp_path)
    assert [listing.directory_has_files(name) for name in ("goods", "offers", "prices")] == [True, False, False]


# What a file holds --------------------------------------------------------------------------------------------

OFFERS = """<КоммерческаяИнформация><ПакетПредложений>
  <ТипыЦен><ТипЦены/></ТипыЦен>
  <Предложения>
    <Предложение Статус="Новый"><Цены><Цена/><Цена></Цена></Цены><Склад ИдСклада="m"/></Предложение>
    <Предложение><Цены/><Количество>1</Количество></Предложение>
  </Предложения>
</ПакетПредложений></КоммерческаяИнформация>"""
OFFERS_TAGS = {
    "ТипыЦен": 1,
    "Предложения": 1,
    "Предложение": 2,
    "Цены": 2,
    "Цена": 2,
    "Склад": 1,
    "Количество": 1,
}


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ("", "utf-8"),
        ("", "utf-8-sig"),
        ('<?xml version="1.0" encoding="UTF-8"?>', "utf-8-sig"),
        ('<?xml version="1.0" encoding="windows-1251"?>', "windows-1251"),
        ("<?xml version='1.0' encoding='WINDOWS-1251'?>", "windows-1251"),
        ('<?xml version="1.0" encoding="windows-1251"?>', "utf-8-sig"),
        ('<?xml version="1.0" encoding = "windows-1251"?>', "windows-1251"),
        ('<?xml version="1.0" encoding="x-cp1251"?>', "windows-1251"),
        ('<?xml version="1.0" encoding="win-1251"?>', "windows-1251"),
        ('<?xml version="1.0" encoding="CP-1251"?>', "windows-1251"),
        ('<?xml version="1.0" encoding="KOI8-R"?>', "koi8-r"),
        ('<?xml version="1.0" encoding="UTF-16"?>', "utf-16"),
        ('<?xml version="1.0" encoding="UTF-16"?>', "utf-16-le"),
        ('<?xml version="1.0" encoding="UTF-16"?>', "utf-16-be"),
        ('<?xml version="1.0" encoding="UTF-16"?>', "utf-8"),
        ('<?xml version="1.0" encoding="UTF-16LE"?>', "utf-8"),
    ],
)
def test_tags_are_counted_in_any_encoding(write, declaration, encoding):
    raw = (declaration + OFFERS).encode(encoding)
    _, content = content_of(write, raw)
    assert content.tags == OFFERS_TAGS
    assert content.sha256 == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize("prefix", ["c", "cml-2.1_x", "к"])
def test_tags_are_counted_under_a_prefix(write, prefix):
    _, content = content_of(write, OFFERS.replace("<", f"<{prefix}:").replace(f"<{prefix}:/", f"</{prefix}:"))
    assert content.tags == OFFERS_TAGS


@pytest.mark.parametrize("codec", ["base64", "rot13", "hex", "zlib", "idna", "punycode", "undefined", "1C", "mbcs"])
def test_an_encoding_that_is_none_of_text_is_let_be(write, codec):
    _, content = content_of(write, f'<?xml version="1.0" encoding="{codec}"?>{OFFERS}')
    assert content.tags == OFFERS_TAGS


@pytest.mark.parametrize("raw", [b"", b"\0" * 100, b"\xff\xfe\0", b"<" * 1000, "<Товар".encode(), b"PK\x03\x04"])
def test_what_is_no_xml_holds_nothing(write, raw):
    _, content = content_of(write, raw)
    assert not any(content.holds(dataset) for dataset in DATASETS)


def test_a_tag_is_no_other_that_begins_alike(write):
    _, content = content_of(write, "<Товары><ТоварыИУслуги/><НеТовар/><Товар/></Товары>")
    assert content.tags == {"Товары": 1, "Товар": 1}


@pytest.mark.parametrize("shift", range(-14, 3))
def test_a_tag_cut_in_two_by_the_end_of_a_chunk_is_counted_once(write, shift):
    before = "<Товары>".ljust((1 << 20) + shift - 7, "x")
    _, content = content_of(write, before + "<Товар><Ид>1</Ид></Товар><Товар/></Товары>")
    assert content.tags == {"Товары": 1, "Товар": 2}


@st.composite
def documents(draw):
    tags = st.sampled_from([*export._KNOWN_TAGS, "Ид", "Наименование", "КоммерческаяИнформация"])
    elements = st.recursive(
        st.builds(lambda tag, form: form.format(tag), tags, st.sampled_from(["<{0}/>", "<{0} />", '<{0} Ид="1"/>'])),
        lambda inner: st.builds(
            lambda tag, inside, between: f"<{tag}>{between}{between.join(inside)}{between}</{tag}>",
            tags,
            st.lists(inner, max_size=4),
            st.sampled_from(["", "\n\t", "Мяч &lt;Товар&gt;"]),
        ),
        max_leaves=15,
    )
    return f"<a>{draw(elements)}</a>"


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    document=documents(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "windows-1251"]),
    chunk=st.integers(1, 64),
)
def test_tags_are_counted_as_lxml_counts_them_wherever_chunks_end(write, document, encoding, chunk):
    raw = (f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>' + document).encode(encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "CHUNK", chunk)
        _, content = content_of(write, raw)
    found = Counter(element.tag for element in etree.fromstring(raw).iter())
    assert content.tags == {tag: times for tag, times in found.items() if tag in export._KNOWN_TAGS}
    assert content.sha256 == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize(
    ("tags", "datasets"),
    [
        ({"Товары"}, {"catalog"}),
        ({"Предложения"}, {"catalog"}),
        ({"Группы"}, {"catalog"}),
        ({"Свойства"}, {"catalog"}),
        ({"ЕдиницыИзмерения"}, {"catalog"}),
        ({"Предложения", "Предложение", "Цены"}, {"catalog", "prices"}),
        ({"ТипыЦен"}, {"prices"}),
        ({"Склады"}, {"stocks"}),
        ({"Предложения", "Количество"}, {"catalog", "stocks"}),
        ({"Предложения", "Склад"}, {"catalog", "stocks"}),
        ({"Предложения", "Остатки"}, {"catalog", "stocks"}),
        ({"Контрагенты"}, {"customers"}),
        (set(), set()),
    ],
)
def test_a_file_holds_the_datasets_whose_lists_are_in_it(tags, datasets):
    content = FileContent("", dict.fromkeys(tags, 1))
    assert {dataset for dataset in DATASETS if content.holds(dataset)} == datasets


def test_items_are_what_progress_is_measured_against():
    content = FileContent("", {"Товар": 3, "Предложение": 2, "Цена": 5, "Остаток": 7, "Склад": 1, "Контрагент": 4})
    assert {dataset: content.items(dataset) for dataset in DATASETS} == {
        "catalog": 5,
        "prices": 5,
        "stocks": 8,
        "customers": 4,
    }


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("prices/prices_1_1_a.xml", True),
        ("rests/rests.xml", True),
        ("prices___5c1f.xml", True),
        ("rests___5c1f.xml", True),
        ("Rests/r.xml", True),
        ("offers/offers.xml", False),
        ("priceLists/priceLists.xml", False),
        ("offers.xml", False),
        ("import.xml", False),
    ],
)
def test_prices_and_rests_are_known_by_the_names_of_their_files(name, beside):
    assert is_beside_offers(name) is beside


@pytest.mark.parametrize(
    ("name", "inside", "read_for_catalog"),
    [
        ("rests/rests.xml", "<Предложения><Предложение><Ид>1</Ид><Остатки/></Предложение></Предложения>", False),
        ("prices/prices.xml", "<Предложения><Предложение><Ид>1</Ид><Цены/></Предложение></Предложения>", False),
        ("prices/prices.xml", "<Предложения><Предложение><Артикул/><Цены/></Предложение></Предложения>", True),
        ("prices/prices.xml", "<Предложения><Предложение><Штрихкод/><Цены/></Предложение></Предложения>", True),
        ("prices/prices.xml", "<Товары><Товар><Цены/></Товар></Товары>", True),
        ("offers/offers.xml", "<Предложения><Предложение><Ид>1</Ид></Предложение></Предложения>", True),
        ("offers/offers.xml", "<Предложения/>", True),
        ("storages/storages.xml", "<Склады/>", False),
    ],
)
def test_the_catalogue_reads_prices_and_rests_only_where_they_describe_variants(write, name, inside, read_for_catalog):
    file, content = content_of(write, f"<КоммерческаяИнформация>{inside}</КоммерческаяИнформация>", name)
    assert holds_dataset(file, content, "catalog") is read_for_catalog


def test_the_other_datasets_read_whatever_file_holds_them(write):
    file, content = content_of(write, OFFERS, "rests/rests.xml")
    assert [holds_dataset(file, content, dataset) for dataset in DATASETS] == [False, True, True, False]


def test_a_fingerprint_is_short_and_depends_on_every_part_and_their_order():
    prints = {fingerprint(parts) for parts in ([], ["a"], ["a", "b"], ["b", "a"], ["a", "b", "c"])}
    assert len(prints) == 5
    assert all(len(digits) == 16 and int(digits, 16) >= 0 for digits in prints)
    assert fingerprint(iter(["a", "b"])) == fingerprint(["a", "b"])
