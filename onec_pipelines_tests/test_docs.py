"""The pages say what the code does: commands, settings, names, keys, messages, links and examples."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import dagster as dg
import psycopg
import pytest
import yaml
from click.testing import CliRunner
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickStatus
from lxml import etree

from onec_pipelines import cli, definitions
from onec_pipelines import images as images_package
from onec_pipelines import settings as settings_module
from onec_pipelines.commerceml import preflight as preflight_module
from onec_pipelines.commerceml.catalog import read_good
from onec_pipelines.commerceml.preflight import preflight
from onec_pipelines.commerceml.records import Rejection
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.commerceml.values import ValueRejected, parse_number
from onec_pipelines.commerceml.xml import read_elements
from onec_pipelines.datasets import ASSETS, BY_ASSET, BY_NAME, IMPORT_TYPES
from onec_pipelines.demo import write_demo
from onec_pipelines.errors import ExportError
from onec_pipelines.images.inspection import inspect
from onec_pipelines.images.source import ImageRejected
from onec_pipelines.importing import images as importing_images
from onec_pipelines.importing import import_catalog, import_prices
from onec_pipelines.importing import thumbnails as thumbnails_package
from onec_pipelines.orchestration.definitions.team import DIRECTORY, with_team
from onec_pipelines.orchestration.machinery.coordinator import PreflightRunCoordinator
from onec_pipelines.orchestration.runs.metadata import BREAKDOWN
from onec_pipelines.settings import PROJECT_ROOT, Settings

KEYS = {asset: tuple(BY_ASSET[asset].counters) for asset in ASSETS}
README = PROJECT_ROOT / "README.md"
DATA_TEAM = PROJECT_ROOT / "docs" / "data-team.md"
MANY_MACHINES = PROJECT_ROOT / "docs" / "many-machines.md"
HISTORY = PROJECT_ROOT / "docs" / "history.md"
OPERATING = PROJECT_ROOT / "docs" / "operating.md"
RUSSIAN_GUIDE = PROJECT_ROOT / "docs" / "ru" / "admin-guide.md"
PAGES = [*sorted(PROJECT_ROOT.glob("*.md")), *sorted((PROJECT_ROOT / "docs").rglob("*.md"))]
ENV_EXAMPLE = PROJECT_ROOT / ".env.example"
CATALOG = ("goods", "offers", "prices", "rests")


def text(page: Path) -> str:
    return page.read_text("utf-8")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), re.MULTILINE | re.DOTALL)


def shown(path: Path) -> str:
    return path.relative_to(PROJECT_ROOT).as_posix()


def test_every_page_is_among_those_that_are_compared():
    assert {README, DATA_TEAM, OPERATING, RUSSIAN_GUIDE} <= set(PAGES)


# --- commands


def command_words() -> Iterator[tuple[str, str]]:
    """Each command with itself and with every long option that it has."""
    for name, command in cli.main.commands.items():
        yield name, f"onec {name}"
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                yield name, next(option for option in parameter.opts if option.startswith("--"))


@pytest.mark.parametrize(("command", "word"), list(command_words()))
def test_readme_names_every_command_and_option(command, word):
    rows = [line for line in text(README).splitlines() if line.startswith("|") and f"`onec {command}" in line]
    assert rows, f"README's table has no row for `onec {command}`"
    assert any(word in row for row in rows), f"README does not name {word} of `onec {command}`"


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_no_page_names_a_command_that_is_not_there(page):
    code = re.findall(r"^```[a-z]*\n.*?^```|`[^`\n]+`", text(page), re.MULTILINE | re.DOTALL)
    named = {word for piece in code for word in re.findall(r"(?<!database )\bonec ([a-z]+)\b", piece)}
    assert named - {"cd"} <= set(cli.main.commands)


def test_every_make_target_that_a_page_names_is_in_the_makefile():
    targets = set(re.findall(r"^([a-z./]+):", text(PROJECT_ROOT / "Makefile"), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"(?:^\$ |`)make ([a-z]+)", text(page), re.MULTILINE))
        assert named <= targets, shown(page)


# --- what the commands print


SAMPLES = {
    README: ["make run", "onec rejected"],
    HISTORY: ["onec plan", "onec history", "onec changes", "onec explain"],
}
"""The blocks that show what a command prints of the demo, in the order in which they are run."""


def sample(page: Path, command: str) -> tuple[str, list[str]]:
    """The command of a block with its options, and what the page says that it prints."""
    (found,) = [block for block in blocks(page, "console") if f"$ {command}" in block]
    line, *printed = found[found.index(f"$ {command}") :].splitlines()
    return line.removeprefix("$ "), printed


def as_pattern(printed: list[str]) -> str:
    """What matches an output: `...` stands for any lines, `…` for a part of one, and no time or run is the same."""
    lines = [".*" if line == "..." else re.escape(masked(line)).replace("…", ".+?") for line in printed]
    return "\n".join(lines)


def masked(line: str) -> str:
    """A line without what differs from run to run, and with one space for each gap."""
    line = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|^[0-9a-f]{8}(?=  )", "ID", line)
    line = re.sub(r"\d{4}-\d\d-\d\d( \d\d:\d\d)?", "TIME", line)
    return " ".join(re.sub(r"\d+\.\d s\b", "SECONDS", line).split())


@pytest.mark.slow
def test_every_sample_shows_what_its_command_prints_of_the_demo(settings, monkeypatch):
    for name in ("data_dir", "database_url", "media_url", "home"):
        monkeypatch.setenv(f"ONEC_{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setenv("DAGSTER_HOME", str(settings.home))

    def onec(command: str) -> str:
        words = ["quickstart"] if command == "make run" else command.split()[1:]
        printed = CliRunner().invoke(cli.main, words).stdout.replace(str(settings.data_dir), "data/import_1c")
        return "\n".join(map(masked, printed.splitlines()))

    for page, commands in SAMPLES.items():
        if page == HISTORY:  # what the page tells of: a first segment of prices whose every price is another one
            prices = next(settings.data_dir.glob("prices/prices_1_1_*.xml"))
            prices.write_text(text(prices).replace("<ЦенаЗаЕдиницу>", "<ЦенаЗаЕдиницу>1"), "utf-8")
        for command in commands:
            line, printed = sample(page, command)
            assert re.fullmatch(as_pattern(printed), onec(line), re.DOTALL), line
            if command == "onec plan":
                onec("onec import prices")


# --- settings


def settings_in_code() -> set[str]:
    """The variables that settings.py looks up, wherever it does so."""
    return set(re.findall(r"\bONEC_[A-Z_]+\b", text(Path(settings_module.__file__))))


@pytest.mark.parametrize("name", sorted(settings_in_code()))
def test_every_setting_stands_in_readme_and_in_the_example(name):
    assert f"| `{name}` |" in text(README), "not in README's table"
    assert re.search(rf"^# {name}=\S", text(ENV_EXAMPLE), re.MULTILINE), "not in .env.example"


def test_each_test_that_a_page_names_is_there():
    there = "".join(map(text, (PROJECT_ROOT / "onec_pipelines_tests").rglob("*.py")))
    named = {name for page in PAGES for name in re.findall(r"::(test_\w+)", text(page))}
    assert len(named) > 30
    assert {name for name in named if f"def {name}(" not in there} == set()


@pytest.mark.parametrize("label", BREAKDOWN.values())
def test_the_readme_explains_what_stands_in_a_breakdown(label):
    (table,) = re.findall(r"^\| it says \| of \|\n(.*?)\n\n", text(README), re.MULTILINE | re.DOTALL)
    what, _, verb = label.rpartition(" ")
    assert f"`{label}`" in table or (f"`... {verb}`" in table and what in table)


@pytest.mark.parametrize("page", [*PAGES, ENV_EXAMPLE], ids=shown)
def test_no_page_names_a_setting_that_is_not_there(page):
    named = set(re.findall(r"\bONEC_[A-Z_]+\b", text(page)))
    assert named <= {*settings_in_code(), "ONEC_TEST_DATABASE_URL"}


def test_the_example_states_the_defaults():
    stated = dict(re.findall(r"^# (ONEC_\w+)=(.*)$", text(ENV_EXAMPLE), re.MULTILINE))
    for name in (
        *("ONEC_DATABASE_URL", "ONEC_ALERT_URLS", "ONEC_CELERY_BROKER"),  # examples: there is no default
        *("ONEC_EXCHANGE_USER", "ONEC_EXCHANGE_PASSWORD_HASH"),
    ):
        del stated[name]
    assert Settings.from_environment({name: stated[name] for name in stated if name in settings_in_code()}) == (
        Settings.from_environment({})
    )


# --- names of Dagster


def names_in_dagster() -> set[str]:
    resolved = definitions.defs.resolve_all_job_defs()
    repository = definitions.defs.get_repository_def()
    return {
        *(job.name for job in resolved),
        *(key.path[-1] for key in repository.asset_graph.get_all_asset_keys()),
        *(check.name for check in repository.asset_graph.asset_check_keys),
        *(sensor.name for sensor in repository.sensor_defs),
        *(schedule.name for schedule in repository.schedule_defs),
    }


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_job_sensor_schedule_and_check_that_a_page_names_is_there(page):
    named = set(re.findall(r"`(\w+(?:_import|_refresh|_sensor|_guard|_drop|_media))`", text(page)))
    assert named <= names_in_dagster()


@pytest.mark.parametrize("page", [README, DATA_TEAM, OPERATING, RUSSIAN_GUIDE], ids=shown)
@pytest.mark.parametrize("asset", KEYS)
def test_every_page_names_the_five_assets(page, asset):
    assert f"`{asset}`" in text(page)


def test_the_operators_page_names_every_schedule_and_sensor_that_runs_by_itself():
    repository = definitions.defs.get_repository_def()
    on = [
        *(s.name for s in repository.sensor_defs if s.default_status is dg.DefaultSensorStatus.RUNNING),
        *(s.name for s in repository.schedule_defs if s.default_status is dg.DefaultScheduleStatus.RUNNING),
    ]
    assert on
    assert [name for name in on if f"`{name}`" not in text(OPERATING)] == []


def test_the_operators_page_names_every_check():
    checks = {key.name for key in definitions.defs.get_repository_def().asset_graph.asset_check_keys}
    assert checks
    assert sorted(check for check in checks if f"`{check}`" not in text(OPERATING)) == []


def test_the_operators_page_names_the_pools():
    pools = {pool for asset in definitions.assets for node in asset.node_def.iterate_op_defs() for pool in node.pools}
    assert pools
    assert sorted(pool for pool in pools if f"`{pool}`" not in text(OPERATING)) == []


# --- metadata keys


@pytest.mark.parametrize("page", [README, RUSSIAN_GUIDE], ids=shown)
@pytest.mark.parametrize("key", sorted({key for keys in KEYS.values() for key in keys}))
def test_every_counter_is_explained(page, key):
    rows = [line.split("|")[1] for line in text(page).splitlines() if line.startswith("| `")]
    assert any(f"`{key}`" in row for row in rows)


# --- messages of the preflight


def some_xml(root: Path, *names: str) -> None:
    """An export of the 3.1 layout: each name is a directory with an XML file in it."""
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "1.xml").write_text("<КоммерческаяИнформация/>", "utf-8")


def preflight_messages(tmp_path: Path) -> set[str]:
    """What the preflight says of real directories in every state, with `…` for paths and names."""
    empty, bare, files, images, unreadable = roots = [tmp_path / name for name in ("a", "b", "c", "d", "e")]
    empty.mkdir()
    for name in (*CATALOG, "contragents"):
        (bare / name).mkdir(parents=True)
    some_xml(files, ".")
    (images / "goods" / "import_files").mkdir(parents=True)
    some_xml(unreadable, *CATALOG)
    (unreadable / "goods" / "import_files").symlink_to("import_files")  # a link to itself
    return {
        general(problem, root)
        for root in (*roots, tmp_path / "absent", tmp_path / ("long" * 100))  # no system takes such a name
        for import_type in (*IMPORT_TYPES, "all")
        for problem in preflight(ExportSnapshot(root), import_type, has_products=False)
    }


def general(problem: str, root: Path) -> str:
    """A message as the pages write it: paths, names and what the system says of them are `…`."""
    problem = re.sub(rf"{re.escape(str(root))}(/[\w.-]*\w)*(: [A-Z][a-z ]+)?", "…", problem)
    problem = re.sub(r"\([\w., ]+\.xml\)", "(…)", problem)
    return re.sub(r": [a-z]+(, [a-z]+)*\.", ": ….", problem)


def quotes(page: Path) -> list[str]:
    """What stands quoted in the first column of the tables of a page."""
    rows = [line for line in text(page).splitlines() if line.startswith("| `")]
    return [quote for row in rows for quote in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def is_quoted(message: str, page: Path, *, from_its_start: bool = False) -> bool:
    """Whether a page quotes a message, or a part of it; `…` of the quote is any text."""
    find = re.match if from_its_start else re.search
    return any(
        find(re.escape(quote).replace("…", ".+"), message) for quote in quotes(page) if re.search("[а-я]", quote)
    )


def test_real_directories_make_the_preflight_say_all_that_it_can(tmp_path):
    messages = preflight_messages(tmp_path)
    stated = re.findall(r'f"((?:Дир|Отс|Обяз|В файлах)[^"]+)"', text(Path(preflight_module.__file__)))
    patterns = [".*".join(map(re.escape, re.split(r"(?:: )?\{[^}]+\}", sentence))) for sentence in stated]
    assert len(patterns) >= 8
    assert [p for p in patterns if not any(re.match(p, message) for message in messages)] == []
    assert {dataset.without_catalog for dataset in BY_NAME.values() if dataset.without_catalog} <= messages


def test_the_russian_guide_has_every_message_of_the_preflight(tmp_path):
    guide = quotes(RUSSIAN_GUIDE)
    assert sorted(message for message in preflight_messages(tmp_path) if message not in guide) == []


def test_readme_has_the_beginning_of_every_message_of_the_preflight(tmp_path):
    messages = preflight_messages(tmp_path)
    assert sorted(message for message in messages if not is_quoted(message, README, from_its_start=True)) == []


# --- other messages

BROKEN_FILES = {
    "empty": b"",
    "zip": b"PK\x03\x04...",
    "gzip": b"\x1f\x8b...",
    "html": b"<!DOCTYPE html><html></html>",
    "text": "Ошибка".encode(),
    "cut": "<КоммерческаяИнформация><Каталог>".encode(),
    "foreign": b"<yml_catalog/>",
    "dtd": '<!DOCTYPE x [<!ENTITY a "b">]><КоммерческаяИнформация/>'.encode(),
}


@pytest.mark.parametrize("content", BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_the_russian_guide_has_what_is_said_of_a_file_that_cannot_be_read(content, tmp_path):
    (tmp_path / "1.xml").write_bytes(content)
    with pytest.raises(ExportError) as refused:
        list(read_elements(tmp_path / "1.xml", "goods/1.xml", ()))
    assert is_quoted(str(refused.value), RUSSIAN_GUIDE)


def the_target_is_gone(path: Path) -> None:
    path.symlink_to("gone.xml")


@pytest.mark.parametrize("make", [os.mkfifo, the_target_is_gone])
def test_the_russian_guide_has_what_is_said_of_a_name_that_leads_to_no_file(make, tmp_path):
    make(tmp_path / "1.xml")
    (problem,) = preflight(ExportSnapshot(tmp_path), "catalog", has_products=True)
    assert is_quoted(problem, RUSSIAN_GUIDE)
    assert is_quoted(problem, README)


def test_the_russian_guide_has_what_is_said_of_a_file_that_goes_away(tmp_path):
    with pytest.raises(ExportError) as refused:
        list(read_elements(tmp_path / "1.xml", "goods/1.xml", ()))
    assert is_quoted(str(refused.value), RUSSIAN_GUIDE)


REJECTED_GOODS = {
    "no id": "<Товар><Наименование>Стул</Наименование></Товар>",
    "no name": "<Товар><Ид>1</Ид></Товар>",
    "long id": f"<Товар><Ид>{'1' * 2000}</Ид><Наименование>Стул</Наименование></Товар>",
}


@pytest.mark.parametrize("good", REJECTED_GOODS.values(), ids=REJECTED_GOODS)
def test_the_russian_guide_has_why_a_good_is_rejected(good):
    (rejection,) = read_good(etree.fromstring(good))
    assert isinstance(rejection, Rejection)
    assert is_quoted(rejection.reason, RUSSIAN_GUIDE)


@pytest.mark.parametrize("name", ["ЦенаЗаЕдиницу", "Количество"])
def test_the_russian_guide_has_why_a_number_is_rejected(name):
    with pytest.raises(ValueRejected) as rejected:
        parse_number("по запросу", name)
    assert is_quoted(str(rejected.value), RUSSIAN_GUIDE)


BROKEN_IMAGES = {
    "empty": b"",
    "html": b"<html></html>",
    "text": b"no image",
    "pdf": b"%PDF-1.7",
    "cut": b"\xff\xd8\xff\xe0",
}


@pytest.mark.parametrize("content", BROKEN_IMAGES.values(), ids=BROKEN_IMAGES)
def test_the_russian_guide_has_why_an_image_is_rejected(content):
    with pytest.raises(ImageRejected) as rejected:
        inspect(content)
    assert is_quoted(rejected.value.reason, RUSSIAN_GUIDE)


def stated_in(package: ModuleType) -> set[str]:
    """The Russian texts in the code of a package, with `…` for what is filled in; none of its documentation."""
    found = set()
    for module in Path(package.__file__).parent.glob("*.py"):
        tree = ast.parse(module.read_text("utf-8"))
        nodes = [*ast.walk(tree)]
        inner = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        inner |= {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        texts = [node for node in nodes if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in inner]
        found |= {re.sub(r"\{[^}]+\}", "…", ast.unparse(node).lstrip("f")[1:-1]) for node in texts}
    return {text for text in found if re.match("[а-яА-Я]+ ", text)}


@pytest.mark.parametrize("package", [images_package, importing_images, thumbnails_package], ids=lambda it: it.__name__)
def test_the_russian_guide_has_every_reason_for_an_image_that_the_code_knows(package):
    guide = {quote.partition(":")[0] for quote in quotes(RUSSIAN_GUIDE)}
    reasons = {re.sub(r"\d+ байт|… байт", "байт", reason.partition(":")[0]) for reason in stated_in(package)}
    assert sorted(reasons - {re.sub(r"\d+ байт", "байт", quote) for quote in guide}) == []
    assert reasons


# --- links


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_relative_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", text(page))
    relative = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in relative if link and not (page.parent / link).exists()] == []


# --- examples


@pytest.fixture
def imported(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The environment of a project whose demo export has been imported."""
    assert settings.database_url
    monkeypatch.setenv("ONEC_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("ONEC_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("ONEC_MEDIA_URL", settings.media_url)
    monkeypatch.setenv("ONEC_HOME", str(settings.home))
    write_demo(settings.data_dir)
    import_catalog(settings.data_dir, settings.database_url)
    import_prices(settings.data_dir, settings.database_url)
    return settings


def example(opening: str) -> str:
    return next(block for block in blocks(DATA_TEAM, "python") if block.startswith(opening))


@pytest.mark.usefixtures("imported")
def test_the_notebook_of_the_data_team_works():
    names = {}
    exec(example("from onec_pipelines.definitions import defs\n"), names)  # noqa: S102 - our own page
    assert len(names["prices"]) > 300
    assert {"variant_id", "price_type_id", "value"} <= set(names["prices"].columns)


@pytest.mark.usefixtures("imported")
def test_the_asset_of_the_data_team_works_in_its_directory(tmp_path):
    (tmp_path / DIRECTORY).mkdir()
    (tmp_path / DIRECTORY / "price_spread.py").write_text(example("import dagster"))
    job = with_team(definitions.defs, tmp_path).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("price_spread")])
        spread = result.asset_value("price_spread")
    assert list(spread.columns) == ["variant_id", "min", "max"]
    assert (spread["min"] <= spread["max"]).all()
    assert (spread["min"] < spread["max"]).any()


def test_our_definitions_are_merged_into_a_project_of_the_data_team():
    names = {"upstream": dg.AssetSpec("theirs", deps=["prices"])}
    code = example("import dagster as dg\n\nfrom onec_pipelines").replace("[...]", "[upstream]")
    exec(code, names)  # noqa: S102 - our own page
    keys = {spec.key.to_user_string() for spec in names["defs"].resolve_all_asset_specs()}
    assert {"prices", "theirs"} <= keys


def statements() -> list[str]:
    """Each statement of the SQL blocks of all pages."""
    stated = [statement for page in PAGES for block in blocks(page, "sql") for statement in block.split(";")]
    return [statement.strip() for statement in stated if statement.strip()]


@pytest.mark.parametrize("statement", statements())
def test_every_query_of_the_pages_runs(statement, connection: psycopg.Connection):
    connection.execute(statement)


@pytest.mark.usefixtures("imported")
def test_the_queries_of_the_data_team_find_what_the_demo_holds(connection: psycopg.Connection):
    prices = next(statement for statement in statements() if "ODD-PRICES" in statement)
    assert connection.execute(prices).fetchall()
    brands = next(statement for statement in statements() if "product_attributes" in statement)
    assert connection.execute(brands).fetchall()


@pytest.mark.usefixtures("imported")
def test_the_operators_configuration_is_one_that_dagster_takes(tmp_path, monkeypatch):
    """The YAML of the page over the project's own `dagster.yaml`: retention, and no preflight for a cluster."""
    home = tmp_path / "dagster_home"
    home.mkdir()
    own = yaml.safe_load(text(PROJECT_ROOT / "dagster.yaml"))
    stated = {key: value for block in blocks(OPERATING, "yaml") for key, value in yaml.safe_load(block).items()}
    (home / "dagster.yaml").write_text(yaml.safe_dump(own | stated), "utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.run_coordinator, PreflightRunCoordinator)
        assert not instance.run_coordinator._preflight
        kept = instance.get_tick_retention_settings(InstigatorType.SENSOR)
    assert kept[TickStatus.SKIPPED] == stated["retention"]["sensor"]["purge_after_days"]["skipped"]


def services() -> Iterator[tuple[str, str]]:
    """Each command that the operator's page makes a service of, with the options that it is given."""
    for line in re.findall(r"^ExecStart=(.+)$", text(OPERATING), re.MULTILINE):
        yield re.search(r"\.venv/bin/onec (\w+) ?(.*)$", line).groups()


@pytest.mark.parametrize(("name", "options"), list(services()))
def test_the_services_are_commands_with_options_that_they_have(name, options):
    known = {option for parameter in cli.main.commands[name].params for option in parameter.opts}
    assert {word for word in options.split() if word.startswith("-")} <= known


def test_the_services_are_the_daemon_a_ui_for_those_who_act_one_for_those_who_look_and_the_exchange():
    assert list(services()) == [
        ("ui", "--no-daemon"),
        ("daemon", ""),
        ("ui", "--read-only --port 3002"),
        ("exchange", ""),
    ]


@pytest.mark.parametrize("page", [DATA_TEAM, MANY_MACHINES], ids=shown)
def test_what_may_be_written_into_the_launchpad_is_valid(page):
    configs = [config for block in blocks(page, "yaml") if "ops" in (config := yaml.safe_load(block))]
    assert configs
    job = definitions.defs.resolve_implicit_global_asset_job_def()
    for config in configs:
        dg.validate_run_config(job, config)
