"""What 1C has pushed, imported: a run for each package, one after another, in the order in which they were sealed.

The sensor also writes down how the run of a package goes; the server of the exchange tells 1C what stands there. A
package that cannot be imported is kept with its reason, and the next one goes on. A database that is away or a lock
that is busy is no reason: the package keeps its place.
"""

import logging
import re
from collections.abc import Iterator

import dagster as dg

from onec_pipelines.commerceml.manifest import FULL
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.database.lending import lend
from onec_pipelines.datasets import ALL, ASSETS, BY_NAME, FULL_REFRESH, IMPORT_TYPES, IMPORTED
from onec_pipelines.errors import OnecError
from onec_pipelines.exchange.queue import Queue, opened
from onec_pipelines.exchange.records import Package
from onec_pipelines.importing.dataset import has_products
from onec_pipelines.importing.known_files import recall
from onec_pipelines.orchestration.definitions.sensors import REQUEST_TAG
from onec_pipelines.orchestration.machinery.coordinator import launch_problems
from onec_pipelines.orchestration.private import FINISHED_STATUSES
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.export import BEGUN_TAG
from onec_pipelines.orchestration.runs.history import PACKAGE_TAG, USER_TAG, Session, find_session
from onec_pipelines.orchestration.runs.progress import IMPORT_TYPE_TAG
from onec_pipelines.settings import Settings
from onec_pipelines.shown import visible

log = logging.getLogger(__name__)

LOOK_SECONDS = 5
GRACE_SECONDS = 120
"""After which a run that was requested and is not there will not come."""
KIND_TAG, CATALOG_TAG = "onec/package_kind", "onec/catalog"
NOT_ITS_FAULT = re.compile(
    r"PostgreSQL (cannot be reached|gave up)|is already running|is still reading files|process of this run is gone|"
    r"The run was interrupted"
)
"""What a run says that met a busy lock, a lost database or its own end: the package may land the next time."""
OF_AN_ASSET = re.compile(rf"\b(?:{'|'.join(ASSETS)}): ")
OURS = "Загрузка не выполнена из-за ошибки на сайте."
CANCELED = "Загрузка отменена на сайте."
OFF = "«Обмен с сайтом» выключен: пользователь и пароль не заданы."
NOTHING = "Новых выгрузок из 1С нет."


def build_exchange_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor; it runs by itself where the exchange is on."""
    is_on = settings.exchange.is_on

    @dg.sensor(
        name="exchange_sensor",
        job_name=FULL_REFRESH,
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
        description="Imports what 1C has pushed, a run for each package. On where ONEC_EXCHANGE_USER is set.",
    )
    def exchange_sensor(context: dg.SensorEvaluationContext, onec: Onec) -> Iterator[dg.RunRequest | dg.SkipReason]:
        try:
            yield look(context.instance, onec)
        except OnecError as error:
            yield dg.SkipReason(visible(str(error)))

    return exchange_sensor


def look(instance: dg.DagsterInstance, onec: Onec) -> dg.RunRequest | dg.SkipReason:
    """Write down how the last package goes, and request the run of the next one."""
    settings = onec.settings()
    if not settings.exchange.is_on:
        return dg.SkipReason(OFF)
    with opened(onec.database_url(), settings.exchange.directory) as queue:
        if queue is None:
            return dg.SkipReason(NOTHING)
        if (package := queue.running()) and (going := follow(instance, queue, package)):
            return dg.SkipReason(going)
        return request(instance, queue, onec)


def follow(instance: dg.DagsterInstance, queue: Queue, package: Package) -> str:
    """Write down how the run of a package goes; what is said while it does, empty when it has ended."""
    requested, seconds = queue.requested(package)
    runs = instance.get_runs(dg.RunsFilter(tags={REQUEST_TAG: requested}), limit=1)
    if not runs:
        if 0 <= seconds < GRACE_SECONDS:  # less than 0: somebody has set the clock back
            return f"Выгрузка {package.id} ждёт своего запуска."
        queue.again(package)
        return ""
    session = find_session(instance, runs[0].run_id)
    if runs[0].status not in FINISHED_STATUSES:
        progress = f"{session.processed}/{session.total}" if session.total else ""
        queue.goes(package, session.run_id, progress)
        return f"Выгрузка {package.id} загружается: запуск {session.run_id[:8]}."
    note_end(queue, package, session, is_canceled=runs[0].status is dg.DagsterRunStatus.CANCELED)
    return ""


def note_end(queue: Queue, package: Package, session: Session, *, is_canceled: bool) -> None:
    """Write down what has come of a package."""
    said = session.error_message or ""
    if session.status == "completed":
        queue.landed(package, session.run_id)
    elif NOT_ITS_FAULT.search(said) and not is_canceled:
        queue.again(package)
    else:
        queue.failed(package, session.run_id, CANCELED if is_canceled else russian(said))


def russian(said: str) -> str:
    """What a person in 1C can read of the error of a run: the sentence of an import, and nothing of ours."""
    sentence = OF_AN_ASSET.sub("", said)
    return sentence if re.search("[а-яё]{3}", sentence, re.IGNORECASE) else OURS


def request(instance: dg.DagsterInstance, queue: Queue, onec: Onec) -> dg.RunRequest | dg.SkipReason:
    """The run of the first package that can be imported; one that cannot is kept with the reason."""
    while package := queue.next():
        if not package.holds:
            queue.landed(package, "")
            continue
        if problems := problems_of(onec, queue, package):
            queue.failed(package, "", " ".join(problems))
            continue
        if running := under_way(instance):
            return dg.SkipReason(f"Импорт уже идёт: запуск {running[:8]}. Выгрузка {package.id} ждёт его окончания.")
        return run_of(queue, package)
    return dg.SkipReason(NOTHING)


def under_way(instance: dg.DagsterInstance) -> str:
    """The run that imports anything at the moment, or waits to."""
    unfinished = [status for status in dg.DagsterRunStatus if status not in FINISHED_STATUSES]
    of_any_type = {IMPORT_TYPE_TAG: [ALL, *IMPORT_TYPES]}
    runs = instance.get_runs(dg.RunsFilter(statuses=unfinished, tags=of_any_type), limit=1)
    return runs[0].run_id if runs else ""


def problems_of(onec: Onec, queue: Queue, package: Package) -> list[str]:
    """The preflight of what a package is imported as."""
    export = ExportSnapshot(queue.path(package))
    with lend(onec.database_url()) as connection:
        recall(connection, export)
        return launch_problems(export, types_of(package), has_products=has_products(connection))


def types_of(package: Package) -> list[str]:
    """The import types of a package: of a full one all, of changes those that it holds."""
    return list(IMPORT_TYPES) if package.kind == FULL else [name for name in IMPORT_TYPES if name in package.holds]


def run_of(queue: Queue, package: Package) -> dg.RunRequest:
    """The request for the run of a package; its tags are what the Runs page shows of a delivery."""
    types = types_of(package)
    is_whole = len(types) == len(IMPORTED)
    tags = {
        REQUEST_TAG: queue.request(package),
        IMPORT_TYPE_TAG: types[0] if len(types) == 1 else ALL,
        BEGUN_TAG: str(queue.path(package)),
        PACKAGE_TAG: str(package.id),
        KIND_TAG: package.kind,
        USER_TAG: visible(package.user_name),
        **({CATALOG_TAG: visible(package.catalog)} if package.catalog and queue.has_catalogs() else {}),
    }
    selection = None if is_whole else [dg.AssetKey(BY_NAME[name].asset) for name in types]
    return dg.RunRequest(tags=tags, asset_selection=selection)
