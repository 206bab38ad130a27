import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onec_pipelines.images.paths import normalized, path_rejection
from onec_pipelines.images.plan import (
    Action,
    PublishedFile,
    Reference,
    plan,
)
from onec_pipelines.images.scan import FileIndex, index_listing
from onec_pipelines.images.source import FileStat


def on_disk(*paths: str, size: int = 100, mtime_ns: int = 7) -> FileIndex:
    return index_listing((path, FileStat(size, mtime_ns)) for path in paths)


def record(media_path: str = "03/a.jpg", *, size: int = 100, mtime_ns: int = 7) -> PublishedFile:
    return PublishedFile(media_path, "ab" * 32, size, 40, 30, "JPEG", mtime_ns)


def image(path: str = "import_files/03/a.jpg", published: PublishedFile | None = None, **others) -> Reference:
    return Reference(**{"product": 1, "variant": None, "position": 0} | others, path=path, published=published)


def actions(references, index, **options) -> list[str]:
    return [planned.action.value for planned in plan(references, index, **options)]


DISK = on_disk("import_files/03/a.jpg")
STORED = on_disk("03/a.jpg")


def test_a_new_file_is_published_under_its_path_below_import_files():
    (planned,) = plan([image()], DISK)
    assert planned.action is Action.PUBLISH
    assert (planned.source, planned.path, planned.size) == ("import_files/03/a.jpg", "03/a.jpg", 100)


def test_a_file_is_unchanged_when_size_and_time_are_those_on_record():
    assert actions([image(published=record())], DISK, stored=STORED) == ["unchanged"]


@pytest.mark.parametrize(
    ("published", "options"),
    [
        (record(size=99), {}),
        (record(mtime_ns=8), {}),
        (record(mtime_ns=6), {}),
        (record("elsewhere/a.jpg"), {}),
        (record(), {"force": True}),
        (record(), {"stored": on_disk()}),
        (record(), {"stored": on_disk("03/a.jpg", size=50)}),
    ],
    ids=["size", "newer", "older", "another place", "force", "gone from the store", "cut in the store"],
)
def test_a_file_is_published_again_when_anything_differs(published, options):
    assert actions([image(published=published)], DISK, **{"stored": STORED, **options}) == ["publish"]


def test_what_is_known_goes_along_only_when_the_store_has_the_file():
    changed = [image(published=record(mtime_ns=8))]
    known = {
        name: next(plan(changed, DISK, **options)).known
        for name, options in {
            "there": {"stored": STORED},
            "gone": {"stored": on_disk()},
            "force": {"force": True},
        }.items()
    }
    assert known == {"there": record(mtime_ns=8), "gone": None, "force": None}


def test_a_file_that_was_not_shipped_is_missing_also_when_it_is_published():
    assert actions([image("import_files/03/b.jpg", record())], DISK, stored=STORED) == ["missing"]


def test_the_same_path_twice_in_one_list_is_a_duplicate_in_whatever_spelling():
    paths = ["import_files/03/a.jpg", "03/a.jpg", "./import_files//03/a.jpg", "import_files/03/a.jpg"]
    found = list(plan([image(path, position=place) for place, path in enumerate(paths)], DISK))
    assert [planned.action.value for planned in found] == ["publish", "duplicate", "duplicate", "duplicate"]
    assert found[0].reference.position == 0


def test_another_product_and_a_variant_have_their_own_lists():
    references = [image(), image(variant=5), image(variant=5, position=1), image(product=2)]
    assert actions(references, DISK) == ["publish", "publish", "duplicate", "publish"]


def test_a_bare_name_is_looked_up_under_import_files():
    (planned,) = plan([image("b.jpg")], on_disk("import_files/b.jpg"))
    assert (planned.source, planned.path) == ("import_files/b.jpg", "b.jpg")
    assert actions([image("c.jpg")], DISK) == ["missing"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../secret.jpg", "путь выходит за пределы import_files"),
        ("import_files/../../secret.jpg", "путь выходит за пределы import_files"),
        ("import_files/03/..", "путь выходит за пределы import_files"),
        ("..\\secret.jpg", "путь выходит за пределы import_files"),
        ("/%2e%2e/secret.jpg\0", "в пути управляющий символ"),
        ("\\..\\secret.jpg", "путь выходит за пределы import_files"),
        ("http://shop.example/a.jpg", "это адрес в интернете, а не файл выгрузки: картинка по нему не загружается"),
        ("C:/images/a.jpg", "путь не относительный"),
        ("import_files/a\0.jpg", "в пути управляющий символ"),
        ("import_files/a\n.jpg", "в пути управляющий символ"),
        ("import_files/" + "я" * 128, "имя файла длиннее 255 байт"),
        ("import_files/" + "a/" * 600, "путь длиннее 1024 байт"),
        ("import_files/\udcff.jpg", "имя не в кодировке UTF-8"),
        ("  ", "путь пуст"),
        ("import_files/03", "это каталог, а не файл"),
    ],
)
def test_a_path_that_leaves_the_tree_is_rejected(path, reason):
    (planned,) = plan([image(path)], DISK)
    assert (planned.action, planned.reason) == (Action.REJECTED, reason)


def test_two_dots_inside_a_name_are_only_dots():
    assert actions([image("import_files/a..b.jpg")], on_disk("import_files/a..b.jpg")) == ["publish"]


@given(st.text(alphabet="./\\:aC\0я", max_size=12))
def test_a_path_that_is_taken_never_leaves_the_tree(path):
    if path_rejection(path) is None:
        assert not normalized(path).startswith("/")
        assert {"..", ""}.isdisjoint(normalized(path).split("/")) or normalized(path) == ""


def test_memory_does_not_grow_with_the_number_of_references():
    def peak(products: int) -> int:
        references = (
            image(f"import_files/{n}/{k}.jpg", product=n, position=k) for n in range(products) for k in range(5)
        )
        tracemalloc.start()
        assert sum(1 for _ in plan(references, DISK)) == products * 5
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    assert peak(4_000) < peak(40) + 10_000
