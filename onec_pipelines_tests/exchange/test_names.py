"""Names of files: which are taken, and as what."""

import pytest

from onec_pipelines.exchange.names import Kind, NameRefusedError, clean, kind_of


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("import0_1.xml", "import0_1.xml"),
        (r"import_files\ab\x.jpg", "import_files/ab/x.jpg"),
        ("tmp/import.xml", "import.xml"),
        ("import_files/tmp/webdata/2/1/import_files/ab/x.jpg", "import_files/ab/x.jpg"),
        ("goods/import_files/ab/x.jpg", "goods/import_files/ab/x.jpg"),
        ("webdata/000000003/goods/1/import___5c1f.xml", "webdata/000000003/goods/1/import___5c1f.xml"),
        ("Товары и цены.xml", "Товары и цены.xml"),
        ("a" * 196 + ".xml", "a" * 196 + ".xml"),
    ],
)
def test_a_plain_name_is_taken(name, kept):
    assert clean(name) == kept


@pytest.mark.parametrize(
    "name",
    [
        "", "/etc/passwd", "//x.xml", "a//b.xml", "a/", r"C:\x.xml", "c:x.xml", "../x.xml", "a/../../x.xml", "./x.xml",
        r"a\..\..\x.xml", "tmp/../x.xml", "import_files/../import_files/x.jpg", ".htaccess", "a/.b/x.xml", "x.xml.",
        "x.xml ", "a /x.xml", "a\nb.xml", "a\0.xml", "a\x7f.xml", "\udcff.xml", "1/2/3/4/5/6/7.xml", "a" * 201,
        "ж" * 101, "/".join(["ab" * 50] * 6) + ".xml",
    ],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(name):
    with pytest.raises(NameRefusedError):
        clean(name)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("import0_1.xml", Kind.XML),
        ("IMPORT.XML", Kind.XML),
        ("v8_3B8F_3e.zip", Kind.ARCHIVE),
        ("import_files/ab/x.jpeg", Kind.PICTURE),
        ("x.png", Kind.PICTURE),
        ("import_files/ab/photo.front", Kind.PICTURE),
        ("import_files/ab/photo", Kind.PICTURE),
        ("photo.front", Kind.REFUSED),
        ("photo", Kind.REFUSED),
        ("import_files/manual.pdf", Kind.PASSED_OVER),
        ("readme.txt", Kind.PASSED_OVER),
        ("shell.php", Kind.REFUSED),
        ("import_files/ab/shell.PHP5", Kind.REFUSED),
        ("import_files/ab/photo.php.jpg", Kind.REFUSED),
        ("import_files/ab/x.exe", Kind.REFUSED),
        ("import_files/ab/x.html", Kind.REFUSED),
    ],
)
def test_the_kind_of_a_file_is_told_by_its_name(name, kind):
    assert kind_of(name) is kind
