"""130,000 damaged inputs for the readers and the inspection of images, and damaged exports for whole imports."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from onec_pipelines.errors import OnecError
from onec_pipelines.importing import import_catalog, import_customers, import_prices, import_stocks

pytestmark = pytest.mark.slow

FUZZ = Path(__file__).with_name("fuzz.py")
INPUTS = 60_000
DAMAGED_EXPORTS = 200
IMPORTS = (import_catalog, import_prices, import_stocks, import_customers)
PREFACE = (
    '<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация><Каталог><Товары><Товар><Ид>1</Ид>'
    "<Наименование>Мяч</Наименование></Товар></Товары></Каталог></КоммерческаяИнформация>"
)


@pytest.fixture(scope="module")
def fuzz():
    specification = spec_from_file_location("fuzz", FUZZ)
    module = module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("what", "inputs", "seed"),
    [
        ("readers", INPUTS // 6, 20),
        ("images", INPUTS, 21),
        ("readers", INPUTS, 22),
    ],
)
def test_a_damaged_input_gives_facts_or_a_typed_error_and_never_a_hang(what, inputs, seed):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(FUZZ), what, str(inputs), str(seed)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    tried, facts, refusals = map(int, done.stdout.split())
    assert tried == facts + refusals == inputs
    assert min(facts, refusals) > inputs / 10


def test_a_damaged_export_gives_a_report_or_a_typed_error_and_the_import_after_it_works(fuzz, shop, tmp_path):
    export = tmp_path / "export"
    export.mkdir()
    file = export / "import.xml"
    damaged = fuzz.damaged_exports(21)
    reports = refusals = 0
    file.write_text(PREFACE)
    import_catalog(export, shop.database_url)
    for number in range(DAMAGED_EXPORTS):
        data = next(damaged)
        file.write_bytes(data)
        run = IMPORTS[number % len(IMPORTS)]
        try:
            report = run(export, shop.database_url, force=True, max_deactivation=1)
        except OnecError:
            refusals += 1
        except Exception as error:
            error.add_note(f"{run.__name__}, input {number}: {data!r}")
            raise
        else:
            counters = report.counters
            assert counters.created + counters.updated + counters.skipped + counters.errors == counters.total, data
            reports += 1
    assert reports > DAMAGED_EXPORTS / 2
    shop.settle()
