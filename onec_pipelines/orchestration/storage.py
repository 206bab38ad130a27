"""Where a `dagster.yaml` of 0.1.0, which people have copied, looks for the class: it moved to machinery/."""

from onec_pipelines.orchestration.machinery.storage import OnecStorage

__all__ = ["OnecStorage"]
