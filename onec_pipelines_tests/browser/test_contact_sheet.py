"""The new pictures of an import, looked at where people look at the import: one click in the metadata of the asset."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from onec_pipelines.demo import write_demo

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nothing_starts_by_itself")]

expect.set_options(timeout=45_000)


@pytest.fixture(scope="module")
def import_pictures(ui, data_dir: Path) -> Callable[..., None]:
    """Import the pictures of the demo export, whose catalogue is imported once."""
    write_demo(data_dir)

    def run(*arguments: str) -> None:
        process = ui.start_onec("import", *arguments)
        _, said = process.communicate()
        assert process.returncode == 0, said

    run("catalog")
    return lambda *options: run("images", *options)


def sheet_row(page: Page) -> Locator:
    """The row of the metadata that holds the contact sheet."""
    return page.get_by_role("row").filter(has=page.get_by_text("contact_sheet", exact=True)).first


def test_the_contact_sheet_opens_on_the_page_of_the_asset(window, import_pictures):
    import_pictures()
    page = window.page
    window.follow("Catalog", "product_images")
    sheet_row(page).get_by_text("Show Markdown").click()
    dialog = page.get_by_role("dialog").filter(has_text="contact_sheet")
    picture = dialog.get_by_role("img", name="contact sheet")
    expect(picture).to_be_visible()
    expect(picture).to_have_attribute("src", re.compile("^data:image/webp;base64,"))
    width, height = picture.evaluate("image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])")
    assert (width, height) == (728, 568)  # 24 pictures in four rows of six
    unshrunk = "image => image.getBoundingClientRect().width === image.naturalWidth"  # the articles can be read
    page.wait_for_function(unshrunk, arg=picture.element_handle())  # the dialog grows while it opens
    box, around = picture.bounding_box(), dialog.bounding_box()
    assert around["x"] <= box["x"]
    assert box["x"] + box["width"] <= around["x"] + around["width"]
    window.picture("contact_sheet")


def test_an_import_that_publishes_nothing_has_no_contact_sheet(window, import_pictures):
    import_pictures()
    page = window.page
    window.follow("Catalog", "product_images")
    expect(page.get_by_role("row").filter(has=page.get_by_text("copied", exact=True)).first).to_contain_text("0")
    assert not sheet_row(page).count()
