"""`onec history`, `onec changes` and `onec explain`: what was, what changed, and why a value is what it is."""

import json

import pytest
from click.testing import CliRunner

from onec_pipelines import cli

ARTICLE = "<Артикул>A-1</Артикул>"


@pytest.fixture
def shop(export, xml, imports):
    """A chair that cost ten roubles, then twelve."""
    export.price_types(xml.price_type("retail") + xml.price_type("dealer"))
    export.warehouses(xml.warehouse("main"))
    export.goods(xml.good("g", more=ARTICLE))
    export.prices(xml.prices("g", retail=10))
    export.rests(xml.rests("g", main=5))
    imports.everything()
    export.prices(xml.prices("g", retail=12))
    imports.prices()
    return export


@pytest.fixture
def onec(export, database_url, tmp_path, monkeypatch):
    """The command in this process."""
    monkeypatch.setenv("ONEC_DATA_DIR", str(export.root))
    monkeypatch.setenv("ONEC_DATABASE_URL", database_url)
    monkeypatch.setenv("ONEC_HOME", str(tmp_path / "home"))
    return lambda *arguments: CliRunner().invoke(cli.main, arguments)


def facts(result) -> dict[str, dict]:
    """The facts of all things of an explanation, by what they are."""
    return {
        fact["what"]: fact for told in json.loads(result.stdout) for thing in told["things"] for fact in thing["facts"]
    }


def why_not(result) -> list[str]:
    return [sentence for told in json.loads(result.stdout) for sentence in told["why_not"]]


@pytest.mark.usefixtures("shop")
def test_history_shows_what_holds_and_what_held_with_their_imports(onec):
    lines = onec("history", "A-1").stdout.splitlines()
    assert lines[0] == "A-1  Стул"
    assert "12 RUB" in lines[2]
    assert lines[2].endswith("import 4")
    assert " - now " in lines[2]
    assert "10 RUB" in lines[3]
    assert lines[3].endswith("import 3")
    assert max(map(len, lines)) <= 80


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("words", ["A-1", "g", "G", " A-1 "])
def test_a_good_is_found_by_article_or_id(onec, words):
    (good,) = json.loads(onec("history", words, "--json").stdout)
    assert (good["onec_id"], [version["value"] for version in good["versions"]]) == ("g", ["12", "10", "5"])


@pytest.mark.usefixtures("shop")
def test_history_shows_prices_or_stocks_alone(onec):
    assert "stock" not in onec("history", "A-1", "--prices").stdout
    assert "price" not in onec("history", "A-1", "--stocks").stdout


def test_several_goods_of_one_article_are_all_shown(shop, xml, imports, onec):
    shop.goods(xml.good("other", "Стол", more=ARTICLE), segment=2)
    imports.catalog()
    assert {good["name"] for good in json.loads(onec("history", "A-1", "--json").stdout)} == {"Стул", "Стол"}


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("command", ["history", "explain"])
def test_an_article_that_is_not_there_is_told_with_the_nearest(onec, command):
    result = onec(command, "A-2")
    assert result.exit_code == 1
    assert result.stderr == "✗ No good has the article, the id or the barcode 'A-2'; the nearest articles: A-1.\n"


@pytest.mark.usefixtures("shop")
def test_changes_are_those_of_the_newest_imports_of_prices_and_stocks(onec):
    prices, stocks = json.loads(onec("changes", "--json").stdout)
    assert (prices["id"], prices["changes"]["raised"], prices["changes"]["median_percent"]) == (4, 1, 20)
    assert prices["changes"]["largest"] == [
        {"article": "A-1", "name": "Стул", "of": "retail", "was": "10", "becomes": "12"}
    ]
    assert (stocks["id"], stocks["changes"]["created"]) == (2, 1)


@pytest.mark.usefixtures("shop")
def test_changes_of_an_import_long_ago_are_what_it_changed(onec):
    assert "1 created" in onec("changes", "--import", "3").stdout
    assert "1 raised, median +20.0 %" in onec("changes", "--import", "4").stdout


@pytest.mark.usefixtures("shop")
def test_changes_since_a_time_compare_then_with_now(onec, rows):
    before = rows("select at + interval '1 microsecond' from onec.imports where id = 3")[0].isoformat()
    assert "1 raised" in onec("changes", "--since", before).stdout
    assert "1 created" in onec("changes", "--since", "2020-01-01").stdout


@pytest.mark.usefixtures("shop")
def test_a_time_that_is_none_and_an_import_that_is_not_there_are_refused(onec):
    assert "'gestern' is no date or time" in onec("changes", "--since", "gestern").stderr
    assert onec("changes", "--import", "9").stderr == "✗ There is no import 9: the newest is 4.\n"
    assert "exclude each other" in onec("changes", "--import", "1", "--since", "2020-01-01").stderr


@pytest.mark.usefixtures("shop")
def test_explain_names_import_file_and_line_of_each_value(onec):
    found = facts(onec("explain", "A-1", "--json"))
    assert (found["price retail"]["value"], found["price retail"]["import_id"]) == ("12 RUB", 4)
    assert found["price retail"]["place"] == "prices/prices_1_1.xml:4"
    assert found["stock main"]["place"] == "rests/rests_1_1.xml:4"
    assert found["article"]["place"] == "goods/goods_1_1.xml:4"


def test_explain_names_no_line_of_a_file_that_has_changed_since(shop, xml, onec):
    shop.prices(xml.prices("g", retail=13))
    found = facts(onec("explain", "A-1", "--json"))
    assert (found["price retail"]["import_id"], found["price retail"]["place"]) == (4, None)


def test_explain_works_without_the_export(shop, onec):
    away = shop.root.rename(f"{shop.root}.away")
    assert facts(onec("explain", "A-1", "--json"))["price retail"]["place"] is None
    away.rename(shop.root)


def test_a_column_holds_since_it_changed_and_the_others_since_before(shop, xml, imports, onec):
    shop.goods(xml.good("g", "Кресло", more=ARTICLE))
    imports.catalog()
    (told,) = json.loads(onec("explain", "A-1", "--json").stdout)
    since = {fact["what"]: fact["import_id"] for fact in told["things"][0]["facts"]}
    assert (since["name"], since["article"]) == (5, 1)


def test_explain_says_which_export_did_not_name_what_is_inactive(shop, xml, imports, onec):
    shop.goods(xml.good("other"))
    imports.catalog()
    assert any(
        sentence.startswith("g is inactive since 20")
        and sentence.endswith("full export of import 5 named it no longer.")
        for sentence in why_not(onec("explain", "A-1", "--json"))
    )


def test_explain_says_where_a_mark_is_that_made_something_inactive(shop, imports, onec):
    shop.goods("<Товар><Ид>g</Ид><ПометкаУдаления>true</ПометкаУдаления></Товар>")
    imports.catalog()
    told = why_not(onec("explain", "A-1", "--json"))
    assert any(sentence.endswith("import 5 marks it as deleted (goods/goods_1_1.xml:4).") for sentence in told)


def test_explain_says_that_a_price_waits_and_that_another_is_rejected(shop, xml, imports, onec):
    shop.goods(xml.good("g", more=ARTICLE) + xml.good("h", "Стол", more="<Артикул>B-1</Артикул>"))
    shop.prices(xml.prices("g", undeclared=12) + xml.prices("h", retail="дорого"))
    imports.everything()
    waits, rejected = (why_not(onec("explain", article, "--json")) for article in ("A-1", "B-1"))
    assert any(s.startswith("No price of g: its list waits since 20") for s in waits)
    assert "No variant of h: rejected, see below (prices/prices_1_1.xml:4)." in rejected
    assert "дорого" not in onec("explain", "B-1").stdout


def test_explain_names_the_line_in_which_the_catalogue_names_an_image(shop, xml, imports, onec, connection):
    shop.goods(xml.good("g", more=f"{ARTICLE}\n<Картинка>import_files/g.jpg</Картинка>"))
    imports.catalog()
    connection.execute("""
        insert into onec.product_images (product_id, position, is_main, source_path, media_path, sha256, size_bytes,
            source_mtime_ns, width, height, format)
        select id, 0, true, 'import_files/g.jpg', 'g.jpg', 'sha', 4, 0, 1, 1, 'JPEG' from onec.products
    """)
    image = facts(onec("explain", "A-1", "--json"))["image"]
    assert (image["value"], image["place"]) == ("import_files/g.jpg", "goods/goods_1_1.xml:5")


def test_explain_says_that_the_export_names_no_image(shop, onec):  # noqa: ARG001 - what is explained
    assert "No image of g: the export names none." in why_not(onec("explain", "A-1", "--json"))


def test_what_acts_in_a_name_is_made_visible(shop, xml, imports, onec):
    shop.goods(xml.good("g", "Стул&#x9b;31m", more="<Артикул>A-&#x85;1</Артикул>"))
    imports.catalog()
    for command in ("history", "explain"):
        result = onec(command, "g")
        assert result.exit_code == 0
        assert r"Стул\u009b31m" in result.stdout


def test_a_database_that_nobody_has_imported_into_is_told(onec, connection):
    connection.execute("alter table onec.imports rename to imports_away")
    try:
        assert "has no history yet" in onec("changes").stderr
    finally:
        connection.execute("alter table onec.imports_away rename to imports")
