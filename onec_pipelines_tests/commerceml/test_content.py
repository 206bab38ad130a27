"""What a file of an export holds: its hash, its tags, whether it is whole; and for whom it must be read."""

import hashlib
import io
from collections import Counter
from datetime import UTC

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from onec_pipelines.commerceml import content as module
from onec_pipelines.commerceml.content import FileContent, holds_dataset, point_in_time, read_content
from onec_pipelines.commerceml.export import list_files

DATASETS = ("catalog", "prices", "stocks", "customers")


def content_of(write, body, name="file.xml", **options):
    path = write(name, body)
    _, files = list_files(path.parents[len(name.split("/")) - 1])
    (file,) = (file for file in files if file.name == name)
    return file, read_content(file, **options)


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
    tags = st.sampled_from([*module.KNOWN_TAGS, "Ид", "Наименование", "КоммерческаяИнформация"])
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
        patch.setattr(module, "CHUNK", chunk)
        _, content = content_of(write, raw)
    found = Counter(element.tag for element in etree.fromstring(raw).iter())
    assert content.tags == {tag: times for tag, times in found.items() if tag in module.KNOWN_TAGS}
    assert content.sha256 == hashlib.sha256(raw).hexdigest()


@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    prefix=st.sampled_from(["", "c:"]),
    end=st.sampled_from(["", "\n", "  \r\n\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "windows-1251"]),
    chunk=st.integers(1, 64),
)
def test_a_document_is_whole_with_its_last_tag_and_not_before(write, prefix, end, encoding, chunk):
    whole = f"<{prefix}КоммерческаяИнформация><Каталог/></{prefix}КоммерческаяИнформация>"
    declaration = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)
        _, content = content_of(write, (declaration + whole + end).encode(encoding))
        _, cut_off = content_of(write, (declaration + whole[:-1] + end).encode(encoding))
    assert (content.is_whole, cut_off.is_whole) == (True, False)


@pytest.mark.parametrize("cut", ["", "<КоммерческаяИнформация>", "<КоммерческаяИнформация><Каталог/>"])
def test_a_document_that_has_only_begun_is_not_whole(write, cut):
    _, content = content_of(write, cut)
    assert not content.is_whole


def test_who_asks_for_a_tag_reads_no_further_than_it(write, reads):
    _, content = content_of(write, "<Товары>".ljust(3 << 20), until={"Товары"})
    assert (content.sha256, content.tags) == ("", {"Товары": 1})
    assert reads.bytes["file.xml"] <= (1 << 20) + io.DEFAULT_BUFFER_SIZE


def test_who_asks_for_a_tag_that_is_not_there_has_looked_at_all_of_the_file(write):
    raw = "<Каталог>".ljust(3 << 20).encode()
    _, content = content_of(write, raw, until={"Товары"})
    assert content.sha256 == hashlib.sha256(raw).hexdigest()


def test_a_look_reads_each_byte_once(write, reads):
    raw = OFFERS.encode().ljust(3 << 20)
    content_of(write, raw)
    assert (reads.opens, reads.bytes) == ({"file.xml": 1}, {"file.xml": len(raw)})


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
        "stocks": 7,
        "customers": 4,
    }


def test_a_stock_and_the_warehouse_in_it_are_one_item():
    assert FileContent("", {"Остаток": 7, "Склад": 7, "Количество": 7}).items("stocks") == 7
    assert FileContent("", {"Склад": 5}).items("stocks") == 5


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


CATALOG = "<КоммерческаяИнформация><Каталог {}><Товары/></Каталог></КоммерческаяИнформация>"
OF_CHANGES = "<КоммерческаяИнформация><ИзмененияПакетаПредложений/></КоммерческаяИнформация>"


@pytest.mark.parametrize(
    ("body", "is_changes"),
    [
        *((CATALOG.format(f'СодержитТолькоИзменения="{yes}"'), True) for yes in ("true", "1", "да", " True", "Да")),
        *((CATALOG.format(f'СодержитТолькоИзменения="{no}"'), False) for no in ("false", "0", "нет", "")),
        (CATALOG.format(""), False),
        (OF_CHANGES, True),
        (OF_CHANGES.replace("<И", "<p:И"), True),
    ],
)
def test_a_file_says_at_its_head_whether_it_holds_changes_alone(write, body, is_changes):
    _, content = content_of(write, body)
    assert content.is_changes is is_changes


@pytest.mark.parametrize(
    ("stated", "moment"),
    [
        ("2026-11-20T09:08:07", (2026, 11, 20, 9, 8, 7)),
        ("2026-11-20 9:08", (2026, 11, 20, 9, 8, 0)),
        ("2026-11-20", (2026, 11, 20, 0, 0, 0)),
        ("20.11.2026", ()),
        ("", ()),
    ],
)
def test_a_date_is_a_moment_to_the_second_and_a_day_begins_at_midnight(stated, moment):
    assert FileContent("", {}, exported_at=stated).moment == moment


def test_the_other_datasets_read_whatever_file_holds_them(write):
    file, content = content_of(write, OFFERS, "rests/rests.xml")
    assert [holds_dataset(file, content, dataset) for dataset in DATASETS] == [False, True, True, False]


@pytest.mark.parametrize(
    ("stated", "in_utc"),
    [
        ("2026-03-01T10:00:00", "2026-03-01T07:00:00"),
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00"),
        ("2026-03-01T10:00:00+05:00", "2026-03-01T05:00:00"),
        ("2026-03-01", "2026-02-28T21:00:00"),
        ("2026-02-30T10:00:00", None),
        ("", None),
    ],
)
def test_a_date_is_of_the_zone_of_the_settings_unless_it_names_one(stated, in_utc):
    found = point_in_time(stated, "Europe/Moscow")
    assert (found and found.astimezone(UTC).isoformat()[:19]) == in_utc
