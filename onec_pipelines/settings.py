"""The environment variables of the project, read once, checked, and named when wrong.

Nothing is connected, created or started here; rooms are handed a `Settings` or a value from it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from onec_pipelines.errors import SettingsError

PROJECT_ROOT = Path(__file__).resolve().parents[1]
"""Where a relative path in a setting starts."""

DATABASE_SCHEMES = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says; paths are absolute.

    `database_url` is None when the embedded PostgreSQL under `home` is to be used. `media_url` is an absolute
    directory or an fsspec URL. `max_deactivation` is the largest share (0 to 1) of an entity that a full
    export may deactivate by not naming it.
    """

    data_dir: Path
    database_url: str | None
    media_url: str
    home: Path
    timezone: str = "Europe/Moscow"
    nightly_cron: str = "0 2 * * *"
    max_deactivation: float = 0.3

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the variables of README's table.

        Raises:
            SettingsError: naming the variable, what it holds and what it should hold. A database URL is not
                repeated: it carries a password.
        """
        values = {key: text.strip() for key, text in (os.environ if environ is None else environ).items()}
        home = _path(values.get("ONEC_HOME") or ".onec")
        return cls(
            data_dir=_path(values.get("ONEC_DATA_DIR") or "data/import_1c"),
            database_url=_database_url(values.get("ONEC_DATABASE_URL", "")),
            media_url=_media_url(values.get("ONEC_MEDIA_URL", ""), home),
            home=home,
            timezone=_timezone(values.get("ONEC_TIMEZONE") or "Europe/Moscow"),
            nightly_cron=_cron(values.get("ONEC_NIGHTLY_CRON") or "0 2 * * *"),
            max_deactivation=_share("ONEC_MAX_DEACTIVATION", values.get("ONEC_MAX_DEACTIVATION") or "0.3"),
        )


def _path(text: str) -> Path:
    return (PROJECT_ROOT / Path(text).expanduser()).absolute()


def _database_url(text: str) -> str | None:
    if not text:
        return None
    if not text.startswith(DATABASE_SCHEMES):
        raise SettingsError(
            "ONEC_DATABASE_URL is not a PostgreSQL URL: it must look like "
            "postgresql://user:password@host:5432/database; leave it unset to use the embedded PostgreSQL."
        )
    return text


def _media_url(text: str, home: Path) -> str:
    if not text:
        return str(home / "media")
    return text if "://" in text else str(_path(text))


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise SettingsError(f"ONEC_TIMEZONE names no time zone: {text!r}; use a name such as Europe/Moscow.") from error
    return text


def _cron(text: str) -> str:
    if len(text.split()) != 5:
        raise SettingsError(
            f"ONEC_NIGHTLY_CRON is not a cron expression of five fields: {text!r}; for example 0 2 * * *."
        )
    return text


def _share(name: str, text: str) -> float:
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise SettingsError(f"{name} is not a share between 0 and 1 (or 0% and 100%): {text!r}; for example 0.3.")
    return share
