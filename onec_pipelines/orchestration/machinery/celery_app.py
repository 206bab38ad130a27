"""The Celery application of the workers that execute steps where `ONEC_EXECUTOR` is `celery`.

    celery --app onec_pipelines.orchestration.machinery.celery_app worker --queues dagster --concurrency 2

A step is acknowledged when it has ended: that of a worker which dies goes to another one. It needs the settings
of the run (the same database, media store and broker) and the export under its `ONEC_DATA_DIR`.
"""

from dagster_celery.executor import CeleryExecutor
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task

from onec_pipelines.errors import SettingsError
from onec_pipelines.orchestration.machinery.executors import celery_config
from onec_pipelines.settings import Settings

settings = Settings.from_environment()
if settings.executor != "celery":
    raise SettingsError(
        "ONEC_EXECUTOR is not celery in the environment of this worker; export the settings of .env before it starts."
    )
executor = CeleryExecutor.for_cli(**celery_config(settings))  # type: ignore[no-untyped-call]
app = make_app(executor.app_args())  # type: ignore[no-untyped-call]
execute_plan = create_task(app)  # type: ignore[no-untyped-call]
