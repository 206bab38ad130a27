"""The pictures of README and the pages, made from the demo: `make screenshots`, with Debian's chromium installed.

A night each: the demo, a few changed images, a broken file. Then the UI, as `make ui` starts it, in a browser.
"""
# ruff: noqa: INP001 - a script beside the pictures that it makes

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

DOCS = Path(__file__).parent
ONEC = (sys.executable, "-m", "onec_pipelines.cli")
SIZE = {"width": 1440, "height": 900}
CHANGED = (13, 35, 5, 20, 46)
"""How many images 1C exports anew, night by night."""
COLOURS = 256
"""The pages have few colours: with a palette a picture takes half."""
LOADED_MS, SETTLED_MS = 60_000, 3_000


def main() -> None:
    """Make every picture anew."""
    with tempfile.TemporaryDirectory(prefix="onec-") as directory:
        data = Path(directory) / "import_1c"
        settings = {"ONEC_DATA_DIR": str(data), "ONEC_HOME": f"{directory}/home", "ONEC_NIGHTLY_CRON": "0 2 * * *"}
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("ONEC_", "DAGSTER_"))}
        environment |= settings
        try:
            nights(data, environment)
            with served(environment) as address:
                take_pictures(address)
        finally:
            onec(environment, "stop")


def nights(data: Path, environment: dict[str, str]) -> None:
    """A history of imports, the last of which fails."""
    onec(environment, "demo", str(data))
    onec(environment, "import", "all")
    images = sorted((data / "goods/import_files").rglob("*.jpg"))
    for night, changed in enumerate(CHANGED):
        for image in images[night : night + changed]:
            repaint(image, night)
        images[-1 - night].write_bytes(b"")
        onec(environment, "import", "images")
    goods = next((data / "goods").glob("*.xml"))
    goods.write_bytes(goods.read_bytes()[:2000])
    onec(environment, "import", "catalog")


def repaint(image: Path, night: int) -> None:
    """Put another picture in the place of one that can be read."""
    try:
        with Image.open(image) as found:
            size = found.size
    except OSError:
        return
    Image.new("RGB", size, (40 * night, 120, 200)).save(image, "JPEG")


def onec(environment: dict[str, str], *arguments: str) -> None:
    """Run a command; a failed import is part of the story."""
    subprocess.run([*ONEC, *arguments], env=environment, check=False)


@contextmanager
def served(environment: dict[str, str]) -> Iterator[str]:
    """The UI over that history, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    ui = subprocess.Popen(
        [*ONEC, "ui", "--port", str(port)], env=environment | {"ONEC_UI_URL": address}, stdout=subprocess.PIPE
    )
    try:
        if ui.stdout:
            ui.stdout.readline()  # it says where it listens
        yield address
    finally:
        ui.send_signal(signal.SIGINT)
        ui.wait()


def take_pictures(address: str) -> None:
    """Open each page, and keep what it shows."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, timezone_id="Europe/Moscow")
        page.set_default_timeout(LOADED_MS)
        take(page, f"{address}/asset-groups", "prices_xml", DOCS / "lineage.png")
        take(page, f"{address}/runs", "catalog_import", DOCS / "ru/runs.png", height=740)
        images = f"{address}/assets/product_images"
        take(page, images, "full_refresh", DOCS / "product_images.png", "Columns", "Plots", height=1050)
        browser.close()


def take(page: Page, address: str, text: str, file: Path, *buttons: str, height: int = SIZE["height"]) -> None:
    """A picture of a page that shows this text, after some buttons on it were pressed."""
    page.set_viewport_size({"width": SIZE["width"], "height": height})
    page.goto(address)
    page.get_by_text(text).first.wait_for()
    page.wait_for_timeout(SETTLED_MS)
    for button in buttons:
        page.get_by_role("button", name=button).first.click()
        page.wait_for_timeout(SETTLED_MS / 4)
    page.screenshot(path=file)
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE).save(file, optimize=True)


if __name__ == "__main__":
    main()
