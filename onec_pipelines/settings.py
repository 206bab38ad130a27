"""The environment variables of the project, read once, checked, and named when wrong.

Nothing is connected, created or started here; rooms are handed a `Settings` or a value from it.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from phonenumbers import SUPPORTED_REGIONS

from onec_pipelines.errors import SettingsError

OURS = 'name = "onec-pipelines"'
"""The line of our pyproject.toml by which a checkout is known."""


def project_root(package: Path, stands: Path) -> Path:
    """Where relative paths start: the checkout that the package lies in, else where the person stands.

    Installed by `pip install .`, the package lies among others in `site-packages`, where nobody's data belong.
    """
    described = package.parent / "pyproject.toml"
    is_checkout = described.is_file() and OURS in described.read_text("utf-8")
    return package.parent if is_checkout else stands


PROJECT_ROOT = project_root(Path(__file__).resolve().parent, Path.cwd())
"""Where a relative path in a setting starts, and where `.env` is looked for."""

DATABASE_SCHEMES = ("postgresql://", "postgres://")
CHARSETS = ("utf-8", "windows-1251")
EXECUTORS = ("in_process", "multiprocess", "celery")
LONGEST_WAIT = 3650
"""Days: ten years are as good as for ever."""


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """What the server of «Обмен с сайтом» is told; without a user and a hash it does not start.

    `chunk` and `max_bytes` are the bytes of a body and of a session. A session that has been silent for `quiet` seconds
    is sealed; a full export of which nothing has come for `settle` seconds is judged as a whole. 1C is kept waiting for
    `wait` seconds at most. Packages are kept for `keep_days`.
    """

    user: str = ""
    password_hash: str = field(default="", repr=False)
    port: int = 3001
    directory: Path = PROJECT_ROOT / ".onec" / "exchange"
    chunk: int = 10 * 2**20
    is_zip: bool = True
    max_bytes: int = 20 * 2**30
    quiet: int = 60
    settle: int = 1800
    wait: int = 1800
    keep_days: int = 7
    charset: str = "utf-8"
    allow_http: bool = False

    @property
    def is_on(self) -> bool:
        """Whether 1C pushes by itself."""
        return bool(self.user and self.password_hash)

    @property
    def current(self) -> Path:
        """A link to the package that was imported last."""
        return self.directory / "current"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says; paths are absolute.

    `database_url` is None when the embedded PostgreSQL under `home` is to be used. `media_url` is an absolute
    directory or an fsspec URL. `max_deactivation` is the largest share (0 to 1) of an entity that a full
    export may deactivate by not naming it. `pending_days` is for how many days a record may wait for its parent
    before a check says so. `workers` is how many processes read the files of an import. `alert_urls` are the receivers
    of alerts, `ui_url` is where their links lead. `executor` says where the steps of a run are executed; workers get
    them by way of `celery_broker`, and one of which nothing is heard for `celery_lost_after` seconds is taken for
    lost. `thumbnails` says whether a full refresh makes them. `media_keep_days` is for how many days the file of a
    removed image stays in the media store. `phone_region` is the country of telephone numbers that
    state none. `history_days` is for how many days past prices and stocks are kept; with 0 none are written. `exchange`
    is the server that 1C pushes to; `is_fed_by_exchange` says that `data_dir` is the package that was imported last.
    What carries a password is not shown by `repr`.
    """

    data_dir: Path
    database_url: str | None = field(repr=False)
    media_url: str
    home: Path
    timezone: str = "Europe/Moscow"
    nightly_cron: str = "0 2 * * *"
    max_deactivation: float = 0.3
    pending_days: int = 7
    workers: int = 1
    alert_urls: tuple[str, ...] = field(default=(), repr=False)
    ui_url: str = "http://127.0.0.1:3000"
    executor: str = "in_process"
    celery_broker: str = field(default="", repr=False)
    celery_lost_after: int = 900
    thumbnails: bool = False
    media_keep_days: int = 7
    phone_region: str = "RU"
    history_days: int = 730
    exchange: ExchangeSettings = ExchangeSettings()
    is_fed_by_exchange: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the variables of README's table.

        Raises:
            SettingsError: naming the variable, what it holds and what it should hold. URLs of the database and of
                alerts are not repeated: they carry passwords.
        """
        values = {key: text.strip() for key, text in (os.environ if environ is None else environ).items()}
        home = absolute_path(values.get("ONEC_HOME") or ".onec")
        exchange = _exchange(values, home)
        is_fed = exchange.is_on and not values.get("ONEC_DATA_DIR")
        named = absolute_path(values.get("ONEC_DATA_DIR") or "data/import_1c")
        return cls(
            data_dir=exchange.current if is_fed else named,
            database_url=_database_url(values.get("ONEC_DATABASE_URL", "")),
            media_url=_media_url(values.get("ONEC_MEDIA_URL", ""), home),
            home=home,
            timezone=_timezone(values.get("ONEC_TIMEZONE") or "Europe/Moscow"),
            nightly_cron=_cron(values.get("ONEC_NIGHTLY_CRON") or "0 2 * * *"),
            max_deactivation=_share("ONEC_MAX_DEACTIVATION", values.get("ONEC_MAX_DEACTIVATION") or "0.3"),
            pending_days=_days("ONEC_PENDING_DAYS", values.get("ONEC_PENDING_DAYS") or "7"),
            workers=_workers(values.get("ONEC_WORKERS") or "1"),
            alert_urls=_alert_urls(values.get("ONEC_ALERT_URLS", "")),
            ui_url=_ui_url(values.get("ONEC_UI_URL") or "http://127.0.0.1:3000"),
            executor=_executor(values.get("ONEC_EXECUTOR") or "in_process"),
            celery_broker=_celery_broker(values),
            celery_lost_after=_seconds("ONEC_CELERY_LOST_AFTER", values.get("ONEC_CELERY_LOST_AFTER") or "900"),
            media_keep_days=_days("ONEC_MEDIA_KEEP_DAYS", values.get("ONEC_MEDIA_KEEP_DAYS") or "7"),
            thumbnails=_switch("ONEC_THUMBNAILS", values.get("ONEC_THUMBNAILS") or "0"),
            phone_region=_region(values.get("ONEC_PHONE_REGION") or "RU"),
            history_days=_days("ONEC_HISTORY_DAYS", values.get("ONEC_HISTORY_DAYS") or "730"),
            exchange=exchange,
            is_fed_by_exchange=is_fed,
        )


def absolute_path(text: str) -> Path:
    """A path of a setting: a relative one starts at the project's root."""
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
    return text if "://" in text else str(absolute_path(text))


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


def _days(name: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) > LONGEST_WAIT:
        raise SettingsError(
            f"{name} is not a whole number of days between 0 and {LONGEST_WAIT}: {text!r}; for example 7."
        )
    return int(text)


def _switch(name: str, text: str) -> bool:
    if text not in {"0", "1"}:
        raise SettingsError(f"{name} is neither 0 (off) nor 1 (on): {text!r}; for example 1.")
    return text == "1"


def _region(text: str) -> str:
    if text.upper() not in SUPPORTED_REGIONS:
        raise SettingsError(f"ONEC_PHONE_REGION is no code of a country in two letters: {text!r}; for example RU.")
    return text.upper()


def _executor(text: str) -> str:
    if text not in EXECUTORS:
        raise SettingsError(f"ONEC_EXECUTOR is none of {', '.join(EXECUTORS)}: {text!r}; for example in_process.")
    return text


def _celery_broker(values: Mapping[str, str]) -> str:
    broker = values.get("ONEC_CELERY_BROKER", "")
    if values.get("ONEC_EXECUTOR") == "celery" and "://" not in broker:
        raise SettingsError(
            "ONEC_EXECUTOR is celery, and ONEC_CELERY_BROKER is not the address of a broker: it must look like "
            "redis://:password@host:6379/0."
        )
    return broker


def _seconds(name: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) == 0:
        raise SettingsError(f"{name} is not a whole number of seconds from 1 to 999999: {text!r}; for example 900.")
    return int(text)


def _workers(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) == 0:
        raise SettingsError(f"ONEC_WORKERS is not a whole number from 1 to 999: {text!r}; for example 2.")
    return int(text)


def _alert_urls(text: str) -> tuple[str, ...]:
    """A comma that no URL follows belongs to the URL before it, as in the list of an e-mail's receivers."""
    urls = [url for url in re.split(r"[\s,;]+(?=[A-Za-z0-9]+://)|[\s,;]+$", text) if url]
    for number, url in enumerate(urls, start=1):
        if not re.fullmatch(r"[A-Za-z0-9]+://\S+", url):
            raise SettingsError(
                f"ONEC_ALERT_URLS: number {number} is no URL of apprise: it must look like tgram://token/chat or "
                "mailto://user:password@host, with commas or spaces between several, and with what is special in a "
                "password percent-encoded."
            )
    return tuple(urls)


def _ui_url(text: str) -> str:
    if not _is_address(text):
        raise SettingsError(
            "ONEC_UI_URL is not the address of Dagster's UI: it must look like https://dagster.example.com, without a "
            "user or password; for example http://127.0.0.1:3000."
        )
    return text.rstrip("/")


def _is_address(text: str) -> bool:
    """Whether it is http or https, a host, perhaps a port and a path, and nothing else."""
    if not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#]*)?", text):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname and parts.hostname.encode("idna")) and parts.port != 0
    except ValueError:  # a port that is none, half an IPv6 address, a name with an empty part
        return False


def _exchange(values: Mapping[str, str], home: Path) -> ExchangeSettings:
    def number(name: str, default: int, least: int, most: int, unit: str) -> int:
        return _number(name, values.get(name) or str(default), least, most, unit)

    stated = values.get("ONEC_EXCHANGE_DIR")
    return ExchangeSettings(
        user=values.get("ONEC_EXCHANGE_USER", ""),
        password_hash=values.get("ONEC_EXCHANGE_PASSWORD_HASH", ""),
        port=number("ONEC_EXCHANGE_PORT", 3001, 1, 65535, "that is a port"),
        directory=absolute_path(stated) if stated else home / "exchange",
        chunk=number("ONEC_EXCHANGE_CHUNK", 10 * 2**20, 2**16, 2**30, "of bytes"),
        is_zip=_switch("ONEC_EXCHANGE_ZIP", values.get("ONEC_EXCHANGE_ZIP") or "1"),
        max_bytes=number("ONEC_EXCHANGE_MAX_BYTES", 20 * 2**30, 2**16, 2**50, "of bytes"),
        quiet=number("ONEC_EXCHANGE_QUIET", 60, 5, 999999, "of seconds"),
        settle=number("ONEC_EXCHANGE_SETTLE", 1800, 5, 999999, "of seconds"),
        wait=number("ONEC_EXCHANGE_WAIT", 1800, 1, 999999, "of seconds"),
        keep_days=_days("ONEC_EXCHANGE_KEEP", values.get("ONEC_EXCHANGE_KEEP") or "7"),
        charset=_charset(values.get("ONEC_EXCHANGE_CHARSET") or "utf-8"),
        allow_http=_switch("ONEC_EXCHANGE_ALLOW_HTTP", values.get("ONEC_EXCHANGE_ALLOW_HTTP") or "0"),
    )


def _number(name: str, text: str, least: int, most: int, unit: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
        raise SettingsError(f"{name} is not a whole number {unit} from {least} to {most}: {text!r}.")
    return int(text)


def _charset(text: str) -> str:
    if text.lower() not in CHARSETS:
        raise SettingsError(f"ONEC_EXCHANGE_CHARSET is none of {', '.join(CHARSETS)}: {text!r}; for example utf-8.")
    return text.lower()
