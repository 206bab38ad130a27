"""The media store against a server that speaks S3, started here; needs the extra `s3` and `moto[server]`."""

import os
import uuid

import pytest

from onec_pipelines.errors import OnecError
from onec_pipelines.images.plan import Reference, plan
from onec_pipelines.images.publish import ToPublish, publish_all
from onec_pipelines.images.scan import scan
from onec_pipelines.images.store import open_store

s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
moto_server = pytest.importorskip("moto.server", reason="moto[server] is not installed")

# botocore's and moto's own: both call what Python deprecates, and aiobotocore leaves its pool to the collector
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def server():
    moto = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    surroundings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in surroundings.items():
            patch.setenv(name, value)
        yield surroundings["AWS_ENDPOINT_URL"]
    moto.stop()


@pytest.fixture
def bucket(server):
    assert server
    name = f"media-{uuid.uuid4().hex}"
    s3fs.S3FileSystem().mkdir(name)
    return name


def test_images_are_published_to_a_bucket_and_known_there_in_the_next_run(goods, ship, draw, bucket):
    paths = [f"import_files/{number % 3}/{number}.jpg" for number in range(30)]
    for path in paths:
        ship(path, draw())
    store = open_store(f"s3://{bucket}/shop/media")
    files = [ToPublish(path, path.removeprefix("import_files/")) for path in paths]
    first = list(publish_all(files, goods, store, lambda _name, _path: True))
    assert [outcome.status.value for outcome in first] == ["published"] * 30
    assert sorted(store.listing()) == sorted(path.removeprefix("import_files/") for path in paths)
    known = [Reference(1, None, n, path, first[n].published) for n, path in enumerate(paths)]
    store.delete(["0/0.jpg"])
    second = [image.action.value for image in plan(known, scan(goods), stored=store.listing())]
    assert second == ["publish"] + ["unchanged"] * 29


def test_a_bucket_loses_the_files_that_are_named_and_no_others(bucket):
    store = open_store(f"s3://{bucket}")
    for path in ("a*.jpg", "ab.jpg", "[c].jpg", "c.jpg", "f.jpg"):
        store.put(path, b"1")
    store.delete(["a*.jpg", "[c].jpg", "gone.jpg", "f.jpg"])
    assert sorted(store.listing()) == ["ab.jpg", "c.jpg"]


def test_an_object_has_the_type_of_its_content_not_of_its_name(draw, bucket):
    store = open_store(f"s3://{bucket}")
    store.put("a.jpg", draw("PNG"), "PNG")
    assert s3fs.S3FileSystem().info(f"{bucket}/a.jpg")["ContentType"] == "image/png"
    assert list(store.listing()) == ["a.jpg"]


def test_an_image_that_1c_names_as_a_page_is_an_image_in_a_bucket(goods, ship, draw, bucket):
    for path in ("import_files/promo.html", "import_files/.htaccess"):
        ship(path, draw("WEBP"))
    files = [ToPublish("import_files/promo.html", "promo.html"), ToPublish("import_files/.htaccess", ".htaccess")]
    store = open_store(f"s3://{bucket}/media")
    published = [outcome.published for outcome in publish_all(files, goods, store, lambda _name, _path: True)]
    assert [file.media_path for file in published] == ["promo.html.webp", "_htaccess.webp"]
    assert sorted(store.listing()) == ["_htaccess.webp", "promo.html.webp"]
    assert s3fs.S3FileSystem().info(f"{bucket}/media/promo.html.webp")["ContentType"] == "image/webp"


@pytest.mark.usefixtures("server")
def test_a_bucket_that_is_not_there_is_said():
    with pytest.raises(OnecError, match=r"s3://no-such-bucket/x is not there.*create the bucket"):
        open_store("s3://no-such-bucket/x").put("a.jpg", b"1", "JPEG")


def test_a_server_out_of_reach_is_said(monkeypatch, bucket):
    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    try:
        with pytest.raises(OnecError, match="check the address, the credentials"):
            open_store(f"s3://{bucket}/x").put("a.jpg", b"1", "JPEG")
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
    assert os.environ["AWS_ENDPOINT_URL"].endswith(":9")
