"""What has arrived becomes an export, or is refused as a whole."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from onec_pipelines.exchange import sealing, words
from onec_pipelines.exchange.inbox import Inbox
from onec_pipelines.exchange.sealing import Contents, SealRefusedError, gather, merge, prove
from onec_pipelines_tests.exchange.conftest import DAY1, DAY2, goods

Entry = tuple[str | zipfile.ZipInfo, bytes | str]
XML = "import0_1.xml", goods("1")
ARCHIVE = "v8_3B8F_3e.zip"
PLENTY = 2**30


def zipped(*entries: Entry) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def sealed(tmp_path: Path) -> Callable[..., Contents]:
    """Receive files, gather and prove them."""

    def seal(files: dict[str, bytes | str], limit: int = PLENTY) -> Contents:
        inbox = Inbox(tmp_path / "s-1", PLENTY)
        for name, content in files.items():
            with inbox.body(name) as body:
                body.write(content if isinstance(content, bytes) else content.encode())
                body.keep()
        gather(inbox, tmp_path / "package", limit)
        return prove(tmp_path / "package")

    return seal


def names(tmp_path: Path) -> list[str]:
    package = tmp_path / "package"
    return sorted(path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file())


def test_the_key_of_an_export_is_that_of_its_first_file_of_goods(sealed):
    contents = sealed({"import0_2.xml": goods("2", date=DAY2, catalog="other"), "import0_1.xml": goods("1")})
    assert (contents.catalog, contents.exported_at, contents.is_full) == ("cat-1", DAY1, True)


def test_what_says_that_it_holds_changes_is_not_full(sealed):
    assert not sealed({"import0_1.xml": goods("1", changes=True)}).is_full


def test_an_export_says_which_imports_it_is_for(sealed):
    assert sealed({"import0_1.xml": goods("1")}).holds == ("catalog",)
    assert sealed({"import_files/ab/x.jpg": b"x"}).holds == ("catalog", "images")


def test_an_archive_is_unpacked_under_the_names_that_1c_means(sealed, tmp_path):
    sealed({ARCHIVE: zipped(
        ("tmp/import0_1.xml", goods("1")),
        ("import_files/tmp/webdata/2/1/import_files/ab/x.jpg", b"1"),
        (r"import_files\cd\x.jpg", b"2"),
        ("manual.pdf", b"3"),
    )})  # fmt: skip
    assert names(tmp_path) == ["import0_1.xml", "import_files/ab/x.jpg", "import_files/cd/x.jpg"]


def test_names_in_cp866_are_read(sealed, tmp_path):
    entry = zipfile.ZipInfo("import_files/ab/XXXX.jpg")
    packed = zipped(XML, (entry, b"1")).replace(b"XXXX", "Фото".encode("cp866"))
    sealed({ARCHIVE: packed})
    assert "import_files/ab/Фото.jpg" in names(tmp_path)


def test_an_archive_and_pictures_beside_it_are_one_export(sealed, tmp_path):
    sealed({ARCHIVE: zipped(XML), "import_files/ab/x.jpg": b"1"})
    assert names(tmp_path) == ["import0_1.xml", "import_files/ab/x.jpg"]


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    "entry",
    [
        ("../x.xml", "1"),
        ("a/../../x.xml", "1"),
        ("/etc/x.xml", "1"),
        (r"C:\x.xml", "1"),
        (".hidden.xml", "1"),
        ("inner.zip", b"PK"),
        ("shell.php", "1"),
        ("IMPORT0_1.xml", "a second one"),
        (link("import_files/ab/x.jpg"), "/etc/passwd"),
        ("import_files/ab/x.jpg", b"\0" * 30 * 2**20),
    ],
    ids=["up", "inside", "root", "drive", "hidden", "nested", "program", "twice", "link", "bomb"],
)
def test_an_archive_that_breaks_a_rule_is_refused_as_a_whole(sealed, tmp_path, entry):
    with pytest.raises(SealRefusedError) as refused:
        sealed({ARCHIVE: zipped(XML, entry)})
    assert str(refused.value) == words.refused_archive(ARCHIVE)
    assert not (tmp_path / "x.xml").exists()


def test_an_archive_holds_no_more_than_a_session_may(sealed):
    with pytest.raises(SealRefusedError, match="слишком большой объём"):
        sealed({ARCHIVE: zipped(XML)}, limit=100)


def test_a_declared_size_is_not_believed(sealed):
    packed = zipped(("x.jpg", b"\0" * 30 * 2**20))
    lying = packed.replace(struct.pack("<I", 30 * 2**20), struct.pack("<I", 10))
    with pytest.raises(SealRefusedError):
        sealed({ARCHIVE: lying})


def test_an_encrypted_archive_is_refused(sealed):
    packed = bytearray(zipped(XML))
    packed[packed.index(b"PK\1\2") + 8] |= 1
    packed[6] |= 1
    with pytest.raises(SealRefusedError, match="отклонён"):
        sealed({ARCHIVE: bytes(packed)})


@pytest.mark.parametrize("cut", [1, 10, 100])
def test_an_archive_that_was_cut_off_is_told_with_the_bytes_that_came(sealed, cut):
    packed = zipped(XML)[:-cut]
    with pytest.raises(SealRefusedError) as refused:
        sealed({ARCHIVE: packed})
    assert str(refused.value) == words.broken_archive(ARCHIVE, len(packed))


def test_an_archive_with_a_damaged_entry_is_told(sealed):
    packed = bytearray(zipped(XML))
    packed[60:70] = b"damaged it"
    with pytest.raises(SealRefusedError, match="повреждён"):
        sealed({ARCHIVE: bytes(packed)})


@pytest.mark.parametrize("content", ["", "<КоммерческаяИнформация>", "<html></html>", goods("1")[:-20]])
def test_an_xml_that_cannot_be_imported_refuses_the_session(sealed, content):
    with pytest.raises(SealRefusedError, match=r"import0_1\.xml"):
        sealed({"import0_1.xml": content})


@pytest.mark.parametrize("content", ["", "<orders></orders>"])
def test_an_xml_without_anything_known_refuses_the_session(sealed, content):
    with pytest.raises(SealRefusedError, match="нет товаров, предложений, цен, остатков или контрагентов"):
        sealed({"something.xml": content})


def test_an_xml_where_no_import_looks_is_not_lost_in_silence(sealed):
    with pytest.raises(SealRefusedError, match=r"deep/er/import\.xml"):
        sealed({"deep/er/import.xml": goods("1")})


def test_portions_of_one_name_are_both_in_the_whole(tmp_path):
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "import.xml").write_text(str(number))
    merge([tmp_path / "1", tmp_path / "2"], tmp_path / "full")
    assert sorted(path.read_text() for path in (tmp_path / "full").iterdir()) == ["1", "2"]


def test_no_entry_is_read_into_memory():
    assert sealing.BLOCK <= 2**20
