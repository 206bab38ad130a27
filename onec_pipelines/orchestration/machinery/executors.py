"""Where the steps of a run are executed: `ONEC_EXECUTOR`.

    in_process    in the process of the run: the default, and the fastest on one machine
    multiprocess  each in a process of its own on the machine of the run
    celery        on workers, of this machine or of others, that take them from the broker (see celery_app.py)

All three are Dagster's own. What is added: the process of the run holds the run's lock from the first step to the
last, so that `liveness` knows a dead run from one between two steps or one whose steps are elsewhere. `onec import`
executes in its own process, whatever is set here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from onec_pipelines.database.connection import database_url
from onec_pipelines.database.locks import run_lock
from onec_pipelines.errors import SettingsError
from onec_pipelines.orchestration.private import ExecutionPlan, PlanOrchestrationContext, RetryMode
from onec_pipelines.orchestration.runs.export import data_dir_of, directory_tags
from onec_pipelines.orchestration.runs.history import settle_tags
from onec_pipelines.orchestration.runs.step import locked_tag
from onec_pipelines.settings import Settings

STEPS_AT_ONCE = 2
"""Of `multiprocess`: a first import has two branches, and publishing does not gain from more on one machine."""


class LockedExecutor(dg.Executor):
    """Holds the lock of the run while another executor executes it."""

    def __init__(self, inner: dg.Executor) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - Dagster asks its executors for what each has
        """What the other executor has."""
        return getattr(self.inner, name)

    @property
    def retries(self) -> RetryMode:
        """Those of the other executor."""
        return self.inner.retries

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Execute the plan under the lock; the tags say that the run has it, and which directory it imports."""
        settings, instance, run = Settings.from_environment(), plan_context.instance, plan_context.dagster_run
        url, directory = database_url(settings), data_dir_of(run, instance, settings)
        with run_lock(url, run.run_id):
            tags = locked_tag(run.run_id) | directory_tags(directory, settings, run.tags)
            instance.add_run_tags(run.run_id, tags)
            yield from self.inner.execute(plan_context, execution_plan)
            settle_tags(instance, url, run.run_id)


def locked(executor: dg.ExecutorDefinition) -> dg.ExecutorDefinition:
    """An executor whose runs hold their lock."""

    def create(context: dg.InitExecutorContext) -> dg.Executor:
        return LockedExecutor(executor.executor_creation_fn(context))  # type: ignore[misc]

    return dg.ExecutorDefinition(
        name=executor.name,
        config_schema=executor.config_schema,  # type: ignore[arg-type]  # it is one already
        requirements=executor.get_requirements,
        executor_creation_fn=create,
        description=executor.description,
    )


def build_executor(settings: Settings) -> dg.ExecutorDefinition:
    """The executor of ONEC_EXECUTOR.

    Raises:
        SettingsError: it is `celery`, and that is not installed.
    """
    if settings.executor == "in_process":
        return locked(dg.in_process_executor)
    if settings.executor == "multiprocess":
        preload: Mapping[str, Any] = {"forkserver": {"preload_modules": ["onec_pipelines.definitions"]}}
        return locked(dg.multiprocess_executor).configured({"max_concurrent": STEPS_AT_ONCE, "start_method": preload})
    try:
        from dagster_celery import celery_executor  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SettingsError(
            "ONEC_EXECUTOR is celery, and that is not installed: pip install dagster-celery==0.29.27 redis."
        ) from error
    return locked(celery_executor).configured(celery_config(settings))


def celery_config(settings: Settings) -> dict[str, Any]:
    """What the process of a run and the workers must agree on.

    A worker that is lost has its step handed to another one after `visibility_timeout` seconds.
    """
    return {
        "broker": settings.celery_broker,
        "backend": settings.celery_broker,
        "config_source": {
            "broker_transport_options": {"visibility_timeout": settings.celery_lost_after},
            "result_backend_transport_options": {"visibility_timeout": settings.celery_lost_after},
            "broker_connection_retry_on_startup": True,
            "task_acks_late": True,
            "task_reject_on_worker_lost": True,
            "worker_prefetch_multiplier": 1,
            "result_expires": 86_400,
        },
    }
