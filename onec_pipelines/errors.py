"""The errors that people read: each is one sentence that says what was looked at, what was found, what to do.

Every other exception is a defect of ours and keeps its traceback. No subclass carries personal data.
"""


class OnecError(Exception):
    """An import or a command cannot go on, for a reason the person who reads it can remove."""


class SettingsError(OnecError):
    """An environment variable is missing or wrong."""


class ExportError(OnecError):
    """What 1C exported cannot be imported: absent, unreadable, not XML, or still being written."""


class ShortOfMemoryError(OnecError):
    """There is not enough memory for one image."""

    def __init__(self, what: str, path: str) -> None:
        super().__init__(
            f"There is not enough memory to {what} {path!r}: give the process more of it, or take that image out of "
            "the export; then run it again: what is published stays."
        )


class DatabaseError(OnecError):
    """PostgreSQL cannot be reached or started, or is too old."""


class ImportBusyError(OnecError):
    """Another import of the same kind is running."""


class DaemonBusyError(OnecError):
    """Another daemon works on the same run history."""


class NotOnRecordError(OnecError):
    """What somebody asks for is not in the database."""
