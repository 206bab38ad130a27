"""The one door to what Dagster keeps private: whoever needs such a name imports it from here, and a test says so.

Each has its reason. When Dagster is upgraded, this page is what has to be looked through.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# A storage or run coordinator that dagster.yaml names is made by these.
from dagster._config.config_schema import UserConfigSchema

# The name of the job of all assets: whoever materializes some of them from the page of an asset launches it.
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME

# What `define_asset_job` returns has no public name.
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

# What the history holds of a run or a step that failed or was canceled, beside the message.
from dagster._core.events import JobCanceledData, JobFailureData

# An executor of our own wraps another one: these are what it is handed and asked for.
from dagster._core.execution.context.system import PlanOrchestrationContext

# Of a failed step likewise.
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode

# An instance of our own has the defaults of Dagster's.
from dagster._core.instance.ref import InstanceRef

# A run launcher answers with these when the daemon asks whether a run is alive.
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

# From which job of which code location a run comes: what the timeline lists it under, and what is executed again.
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

# The outcome of a check that was evaluated, as opposed to one that was planned.
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

# Which runs have not ended.
from dagster._core.storage.dagster_run import FINISHED_STATUSES

# Dagster's tables, which it makes one by one, and which are not to be half made when a process is killed; and what it
# notes when it has made them: the migrations of data that empty tables do not need. In two of them the newest of each
# asset and check is found by one query, where the API takes one for each; from two a tag is deleted, which the API can
# only overwrite.
from dagster._core.storage.event_log.migration import ASSET_DATA_MIGRATIONS, EVENT_LOG_DATA_MIGRATIONS
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    SqlEventLogStorageMetadata,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.runs.migration import OPTIONAL_DATA_MIGRATIONS, REQUIRED_DATA_MIGRATIONS
from dagster._core.storage.runs.schema import (
    RunsTable,
    RunStorageSqlMetadata,
    RunTagsTable,
    SecondaryIndexMigrationTable,
)
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._core.storage.schedules.migration import (
    OPTIONAL_SCHEDULE_DATA_MIGRATIONS,
    REQUIRED_SCHEDULE_DATA_MIGRATIONS,
)
from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata
from dagster._core.storage.sql import stamp_alembic_rev

# The tags of a run that a schedule has launched, and of one that repeats another.
from dagster._core.storage.tags import PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG, SCHEDULE_NAME_TAG

# The id of a run must be known before the run exists: its lock is held from then on.
from dagster._core.utils import make_new_run_id
from dagster._serdes import ConfigurableClassData

# The ticks of a cron expression, and whether it is one.
from dagster._utils.schedules import is_valid_cron_schedule, schedule_execution_time_iterator

# An error as GraphQL hands it to the UI.
from dagster_shared.error import SerializableErrorInfo

if TYPE_CHECKING:
    # What takes a third of a second and more to import is imported when it is asked for: see `_LATER`.

    # The code server that the UI and the daemon share, as in `dagster dev`; where it listens; what the UI shows of it.
    from dagster._cli.proxy_server_manager import ProxyServerManager
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget

    # The daemon, which has no public door but a command that ends in tracebacks.
    from dagster._daemon.controller import daemon_controller_from_instance

    # A sentence that the UI shows without a traceback.
    from dagster_graphql.implementation.utils import UserFacingGraphQLError
    from dagster_graphql.schema.errors import GraphenePythonError

__all__ = [
    "ASSET_DATA_MIGRATIONS",
    "EVENT_LOG_DATA_MIGRATIONS",
    "FINISHED_STATUSES",
    "IMPLICIT_ASSET_JOB_NAME",
    "OPTIONAL_DATA_MIGRATIONS",
    "OPTIONAL_SCHEDULE_DATA_MIGRATIONS",
    "PARENT_RUN_ID_TAG",
    "REQUIRED_DATA_MIGRATIONS",
    "REQUIRED_SCHEDULE_DATA_MIGRATIONS",
    "ROOT_RUN_ID_TAG",
    "SCHEDULE_NAME_TAG",
    "AssetCheckExecutionRecord",
    "AssetCheckExecutionRecordStatus",
    "AssetCheckExecutionsTable",
    "CheckRunHealthResult",
    "ConfigurableClassData",
    "ExecutionPlan",
    "GraphenePythonError",
    "InstanceRef",
    "JobCanceledData",
    "JobFailureData",
    "PlanOrchestrationContext",
    "ProxyServerManager",
    "RegisteredCodeLocationOrigin",
    "RemoteJobOrigin",
    "RemoteRepositoryOrigin",
    "RetryMode",
    "RunStorageSqlMetadata",
    "RunTagsTable",
    "RunsTable",
    "ScheduleStorageSqlMetadata",
    "SecondaryIndexMigrationTable",
    "SerializableErrorInfo",
    "SqlEventLogStorage",
    "SqlEventLogStorageMetadata",
    "SqlEventLogStorageTable",
    "SqlRunStorage",
    "StepFailureData",
    "UnresolvedAssetJobDefinition",
    "UserConfigSchema",
    "UserFacingGraphQLError",
    "WorkerStatus",
    "WorkspaceFileTarget",
    "WorkspaceProcessContext",
    "daemon_controller_from_instance",
    "is_valid_cron_schedule",
    "make_new_run_id",
    "schedule_execution_time_iterator",
    "stamp_alembic_rev",
]

_LATER = {
    "GraphenePythonError": "dagster_graphql.schema.errors",
    "ProxyServerManager": "dagster._cli.proxy_server_manager",
    "UserFacingGraphQLError": "dagster_graphql.implementation.utils",
    "WorkspaceFileTarget": "dagster._core.workspace.load_target",
    "WorkspaceProcessContext": "dagster._core.workspace.context",
    "daemon_controller_from_instance": "dagster._daemon.controller",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute may be anything
    """A name that takes long to import, imported now."""
    if name not in _LATER:
        raise AttributeError(name)
    return getattr(import_module(_LATER[name]), name)
