"""How a failure stands in the history: a sentence alone, if it is no defect of ours.

Dagster writes the class of an exception before its message, and the frames of its own engine below. Whoever reads why
an import was refused, or that somebody has stopped it, needs neither. A defect keeps the traceback of what was raised.
"""

import dagster as dg

from onec_pipelines.orchestration.private import JobCanceledData, JobFailureData, SerializableErrorInfo, StepFailureData

INTERRUPTED = "The run was interrupted."
INTERRUPTIONS = {dg.DagsterExecutionInterruptedError.__name__, KeyboardInterrupt.__name__}


class ImportFailed(dg.Failure):
    """An import has failed: the description is the sentence that says why; a defect is its cause."""


def plainly(entry: dg.EventLogEntry) -> dg.EventLogEntry:
    """An entry of the history, with its errors as people shall read them."""
    event = entry.dagster_event
    return entry._replace(dagster_event=_event(event)) if event else entry


def _event(event: dg.DagsterEvent) -> dg.DagsterEvent:
    data = event.event_specific_data
    if isinstance(data, StepFailureData | JobCanceledData):
        return event._replace(event_specific_data=data._replace(error=_error(data.error)))
    if isinstance(data, JobFailureData):
        first = data.first_step_failure_event
        said = data._replace(error=_error(data.error), first_step_failure_event=first and _event(first))
        return event._replace(event_specific_data=said)
    return event


def _error(error: SerializableErrorInfo | None) -> SerializableErrorInfo | None:
    if error and error.cls_name in INTERRUPTIONS:
        return SerializableErrorInfo(INTERRUPTED, [], error.cls_name)
    if error and error.cls_name == ImportFailed.__name__:
        sentence = error.message.partition(": ")[2]
        return SerializableErrorInfo(sentence, [], error.cls_name, error.cause)
    return error
