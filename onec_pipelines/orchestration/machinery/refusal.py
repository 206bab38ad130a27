"""The error by which a launch is refused, as the UI shows it. Dagster's GraphQL comes with it, and it imports slowly.

So it is imported by whoever refuses: no other process needs it.
"""

from onec_pipelines.errors import OnecError
from onec_pipelines.orchestration.private import GraphenePythonError, SerializableErrorInfo, UserFacingGraphQLError
from onec_pipelines.shown import visible


class ImportRefused(OnecError, UserFacingGraphQLError):  # noqa: N818 - it says what happened
    """A run was refused before it existed; the sentence is the preflight's.

    Dagster's GraphQL answers with `error`, and the UI shows that: the sentence without a traceback.
    """

    def __init__(self, sentence: str) -> None:
        sentence = visible(sentence)
        OnecError.__init__(self, sentence)
        self.error = GraphenePythonError(SerializableErrorInfo(sentence, [], None))  # type: ignore[no-untyped-call]
