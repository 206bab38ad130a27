"""Where images lie: wherever 1C and those who carry its exports put them, however their paths are written."""

import io
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from onec_pipelines.commerceml.preflight import preflight
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.importing import import_catalog, import_images


def image(seed: int = 0) -> bytes:
    file = io.BytesIO()
    noise = random.Random(seed).randbytes(30 * 20 * 3)  # noqa: S311
    Image.frombytes("RGB", (30, 20), noise).save(file, "JPEG")
    return file.getvalue()


@dataclass
class Place:
    """An export of any layout with images: `place.xml("import.xml", g="a.jpg")`, `place.ship("a.jpg")`, `place()`."""

    root: Path
    media: Path
    database_url: str
    write: object
    rows: object

    def xml(self, file: str, **goods: str) -> None:
        listed = "".join(
            f"<Товар><Ид>{onec_id}</Ид><Наименование>Стул</Наименование><Картинка>{path}</Картинка></Товар>"
            for onec_id, path in goods.items()
        )
        self.write(file, f"<Каталог><Товары>{listed}</Товары></Каталог>")

    def ship(self, path: str, seed: int = 0) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(image(seed))
        return file

    def __call__(self) -> list[tuple]:
        """Import; the images on record."""
        import_catalog(self.root, self.database_url, max_deactivation=1)
        self.report = import_images(self.root, self.database_url, str(self.media))
        return self.published()

    def published(self) -> list[tuple]:
        """Good, path as in the XML, and which image is found in the media store."""
        query = (
            "select p.onec_id, i.source_path, i.media_path from onec.product_images i "
            "join onec.products p on p.id = i.product_id order by 1, i.position"
        )
        seeds = {image(seed): seed for seed in range(4)}
        return [(good, path, seeds[(self.media / name).read_bytes()]) for good, path, name in self.rows(query)]

    def reasons(self) -> list[str]:
        return self.rows("select reason from onec.rejected_records where import_type = 'images'")


@pytest.fixture
def place(export, tmp_path, database_url, rows) -> Place:
    shutil.rmtree(export.root)
    return Place(export.root, tmp_path / "media", database_url, export.write, rows)


@pytest.mark.parametrize("file", ["import.xml", "goods/goods_1_1.xml", "webdata/1/goods/2/import___5f1c.xml"])
@pytest.mark.parametrize("lies", ["beside", "goods", "root"])
def test_an_image_is_found_beside_its_xml_in_goods_or_in_the_root(place, file, lies):
    beside = Path(file).parent.as_posix()
    for directory in ("goods", "offers", "prices", "rests"):
        place.write(f"{directory}/{directory}_1_0.xml", "<Каталог/>")
    place.xml(file, g="import_files/a1/m.jpg")
    place.ship({"goods": "goods/", "root": ""}.get(lies, f"{beside}/") + "import_files/a1/m.jpg")
    assert place() == [("g", "import_files/a1/m.jpg", 0)]
    assert place.rows("select media_path from onec.product_images") == ["a1/m.jpg"]


def test_an_image_is_found_beside_import_xml_whichever_file_names_it(place):
    place.xml("webdata/1/import___5f1c.xml", g="a.jpg")
    place.xml("webdata/1/goods/1/import___5f1c.xml", h="import_files/a1/m.jpg")
    place.ship("webdata/1/import_files/a1/m.jpg")
    assert place() == [("h", "import_files/a1/m.jpg", 0)]


def test_an_image_may_lie_beside_the_xml_without_import_files(place):
    place.xml("import.xml", g="photos/m.jpg", h="n.jpg")
    place.ship("photos/m.jpg", 1)
    place.ship("n.jpg", 2)
    assert place() == [("g", "photos/m.jpg", 1), ("h", "n.jpg", 2)]


def test_the_image_beside_the_xml_that_names_it_comes_first(place):
    place.xml("webdata/1/import___1.xml", g="import_files/m.jpg")
    place.xml("webdata/2/import___1.xml", h="import_files/m.jpg")
    place.ship("webdata/1/import_files/m.jpg", 1)
    place.ship("webdata/2/import_files/m.jpg", 2)
    place.ship("goods/import_files/m.jpg", 3)
    both = [("g", "import_files/m.jpg", 1), ("h", "import_files/m.jpg", 2)]
    assert place() == both
    assert place() == both
    assert place.report.counters.created == 0


def test_two_files_of_one_path_keep_their_names_when_one_changes(place):
    place.xml("webdata/1/import___1.xml", g="import_files/m.jpg")
    place.ship("webdata/1/import_files/m.jpg", 1)
    place()
    place.xml("webdata/2/import___1.xml", h="import_files/m.jpg")
    place.ship("webdata/2/import_files/m.jpg", 2)
    assert place() == [("g", "import_files/m.jpg", 1), ("h", "import_files/m.jpg", 2)]
    place.ship("webdata/1/import_files/m.jpg", 3)
    assert place() == [("g", "import_files/m.jpg", 3), ("h", "import_files/m.jpg", 2)]
    names = "select media_path from onec.product_images order by product_id"
    assert place.rows(names)[0] == "m.jpg"
    assert place.rows(names)[1].startswith("m-")


@pytest.mark.parametrize(
    ("written", "lies"),
    [
        ("import_files\\a1\\m.jpg", "import_files/a1/m.jpg"),
        ("\\import_files\\a1\\m.jpg", "import_files/a1/m.jpg"),
        ("/import_files/a1/m.jpg", "import_files/a1/m.jpg"),
        ("import_files/a1/%D1%84%D0%BE%D1%82%D0%BE%201.jpg", "import_files/a1/фото 1.jpg"),
        ("import_files/a1/50%.jpg", "import_files/a1/50%.jpg"),
        ("import_files/a1/m%20n.jpg", "import_files/a1/m%20n.jpg"),
        ("import_files/a1/case.jpg", "import_files/a1/case.JPG"),
        ("Import_Files\\A1\\Кружка.jpg", "import_files/a1/кружка.JPG"),
        ("m.jpg", "import_files/m.jpg"),
    ],
)
def test_a_path_may_be_written_in_other_ways(place, written, lies):
    place.xml("import.xml", g=written)
    place.ship(lies, 1)
    assert place() == [("g", written, 1)]


def test_a_path_that_is_there_as_written_comes_before_all_that_it_may_mean(place):
    place.xml("import.xml", g="import_files/m%20n.jpg", h="import_files/a.jpg")
    place.ship("import_files/m n.jpg", 1)
    place.ship("import_files/m%20n.jpg", 2)
    place.ship("import_files/A.jpg", 1)
    place.ship("import_files/a.jpg", 3)
    assert place() == [("g", "import_files/m%20n.jpg", 2), ("h", "import_files/a.jpg", 3)]


def test_of_two_files_that_differ_in_case_none_is_guessed(place):
    place.xml("import.xml", g="import_files/m.jpg")
    place.ship("import_files/M.jpg")
    place.ship("import_files/m.JPG")
    assert place() == []
    assert place.reasons() == ["файла нет"]


@pytest.mark.parametrize("url", ["http://shop.example/a.jpg", "HTTPS://shop.example/a.jpg", "ftp://shop.example/a.jpg"])
def test_an_address_is_said_to_be_one(place, url):
    place.xml("import.xml", g=url)
    place.ship("import_files/a.jpg")
    assert place() == []
    assert place.reasons() == ["это адрес в интернете, а не файл выгрузки: картинка по нему не загружается"]


@pytest.mark.parametrize(
    "path",
    ["../secret.jpg", "..\\secret.jpg", "%2e%2e/secret.jpg", "import_files/%2e%2e%2f%2e%2e%2fsecret.jpg", "link.jpg"],
)
def test_no_path_leaves_the_export(place, path):
    place.xml("import.xml", g=path)
    place.ship("import_files/a.jpg")
    place.ship("../secret.jpg")
    (place.root / "link.jpg").symlink_to(place.root.parent / "secret.jpg")
    assert place() == []
    assert len(place.reasons()) == 1


def test_a_link_to_the_directory_of_images_is_followed_wherever_it_stands(place, tmp_path):
    place.xml("webdata/1/import___1.xml", g="import_files/a1/m.jpg")
    place.ship("../disk/a1/m.jpg", 1)
    (place.root / "webdata/1/import_files").symlink_to(tmp_path / "disk")
    assert place() == [("g", "import_files/a1/m.jpg", 1)]


def test_images_found_by_the_name_of_the_good_lie_in_any_of_these_places(place):
    place.write(
        "webdata/1/goods/1/import___1.xml",
        "<Каталог><Товары><Товар><Ид>g1</Ид><Наименование>Стул</Наименование></Товар></Товары></Каталог>",
    )
    place.ship("webdata/1/goods/1/import_files/g1/g1_2.jpg", 1)
    assert place() == [("g1", "import_files/g1/g1_2.jpg", 1)]


@pytest.mark.parametrize(
    "path", ["import_files/a/m.jpg", "goods/import_files/a/m.jpg", "webdata/1/goods/1/import_files/m.jpg", "m.JPG"]
)
def test_the_preflight_accepts_images_in_any_of_these_places(place, path):
    place.xml("goods/goods_1_1.xml", g="a.jpg")
    place.ship(path)
    assert preflight(ExportSnapshot(place.root), "images", has_products=True) == []


def test_the_preflight_says_where_images_should_be(place):
    place.xml("goods/goods_1_1.xml", g="a.jpg")
    (problem,) = preflight(ExportSnapshot(place.root), "images", has_products=True)
    assert f"не найдена: {place.root}/goods/import_files." in problem
