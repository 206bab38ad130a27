r"""The protocol as a pure machine: a request and what is known of its session in, an answer or an effect out.

    decide(request, session, limits)    an `Answer`, or what has to be done first: an effect
    welcome(...), standing(...)         the answers to what was done

Answers are what 1C expects to the byte: lines end in `\n`, and none at the end. The first line alone is the word.
No socket, no disk, no database, no clock of its own.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from onec_pipelines.exchange import words
from onec_pipelines.exchange.names import Kind, NameRefusedError, clean, kind_of

COOKIE = "onec_exchange"
KNOWN_TYPES = frozenset({"reference", "crm", "get_catalog", "listen"})
"""Types that others serve: they are refused in words of their own."""
SALE_MODES = frozenset({"init", "query", "success", "info", "file", "import"})


@dataclass(frozen=True, slots=True)
class Request:
    """What 1C asks; `length` is what the header says of the body, in bytes, `user` whom `Authorization` names."""

    type: str = ""
    mode: str = ""
    filename: str = ""
    sessid: str | None = None
    version: str | None = None
    length: int | None = None
    is_secure: bool = True
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """What is known of a session: `failure` are the words of the first one, `received` the bytes that have come."""

    user: str
    sessid: str
    failure: str = ""
    received: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken: bytes of a body, bytes of a session, whether as archives; how answers are encoded."""

    chunk: int = 10 * 2**20
    session: int = 20 * 2**30
    is_zip: bool = True
    charset: str = "utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; `fails` are words that the session keeps for all that comes later."""

    text: str
    fails: str = ""


@dataclass(frozen=True, slots=True)
class LogIn:
    """Prove the password, open a session; for orders it also ends what the user's full export has collected."""

    ends_full: bool = False


@dataclass(frozen=True, slots=True)
class Begin:
    """Files that come from now on are new ones; then give the answer."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Receive:
    """Keep the body under a name, or read it and keep nothing."""

    name: str
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Import:
    """Seal what has come, and say how it stands."""

    name: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The exchange is over: what the full export does not name is judged."""


Effect = LogIn | Begin | Receive | Import | Finish
SUCCESS = Answer("success")


class State(StrEnum):
    """How a package stands."""

    PROVING = "proving"
    DURABLE = "durable"
    WAITING = "waiting"
    RUNNING = "running"
    LANDED = "landed"
    FAILED = "failed"


def failure(said: str, *, fails: bool = False) -> Answer:
    """A failure in words; with `fails` it is that of the whole session."""
    return Answer(f"failure\n{said}", said if fails else "")


def decide(request: Request, session: Session | None, limits: Limits) -> Answer | Effect:
    """What to answer, or what to do first."""
    if not request.is_secure:
        return failure(words.ONLY_HTTPS)
    if request.type in KNOWN_TYPES:
        return failure(words.other_type(request.type))
    if request.type not in {"catalog", "sale"}:
        return failure(words.unknown_command(request.type, request.mode))
    if request.mode == "checkauth":
        return LogIn(ends_full=request.type == "sale")
    if refused := _of_session(request, session):
        return failure(refused)
    return _of_sale(request, limits) if request.type == "sale" else _of_catalog(request, session, limits)


def _of_session(request: Request, session: Session | None) -> str:
    """Why a request belongs to no session."""
    if session is None or request.user not in {None, session.user}:
        return words.NO_SESSION
    return words.OTHER_SESSION if request.sessid not in {None, "", session.sessid} else ""


def _of_sale(request: Request, limits: Limits) -> Answer | Effect:
    xml = f'<?xml version="1.0" encoding="{limits.charset.upper()}"?>\n'
    match request.mode:
        case "init":
            return _announced(request, "", limits)
        case "query":
            return Answer(f'{xml}<КоммерческаяИнформация ВерсияСхемы="2.08"/>')
        case "info":
            return Answer(f"{xml}<Справочник/>")
        case "success":
            return SUCCESS
        case "file" | "import":
            return failure(words.NO_ORDERS)
    return failure(words.unknown_command(request.type, request.mode))


def _of_catalog(request: Request, session: Session | None, limits: Limits) -> Answer | Effect:
    said = session.failure if session else ""
    match request.mode:
        case "init":
            return Begin(_announced(request, session.sessid if session else "", limits))
        case "file":
            return failure(said) if said else _of_file(request, session.received if session else 0, limits)
        case "import":
            return failure(said) if said else _of_import(request)
        case "complete" | "deactivate":
            return failure(said) if said else Finish()
    return failure(words.unknown_command(request.type, request.mode))


def _announced(request: Request, sessid: str, limits: Limits) -> Answer:
    """Exactly two lines: УТ counts them. Modules for 3.1 say their version, and read two more."""
    lines = [f"zip={'yes' if limits.is_zip else 'no'}", f"file_limit={limits.chunk}"]
    return Answer("\n".join([*lines, *([f"sessid={sessid}", "version=3.1"] if request.version else [])]))


def _of_file(request: Request, received: int, limits: Limits) -> Answer | Effect:
    try:
        name = clean(request.filename)
    except NameRefusedError:
        return failure(words.wrong_name(request.filename), fails=True)
    kind = kind_of(name)
    if kind is Kind.REFUSED:
        return failure(words.wrong_kind(name), fails=True)
    if (request.length or 0) > limits.chunk:
        return failure(words.large_chunk(limits.chunk), fails=True)
    if received + (request.length or 0) > limits.session:
        return failure(words.large_session(limits.session), fails=True)
    return Receive(name, kind is not Kind.PASSED_OVER)


def _of_import(request: Request) -> Answer | Effect:
    try:
        return Import(clean(request.filename))
    except NameRefusedError:
        return failure(words.wrong_name(request.filename))


def welcome(token: str, sessid: str, now: datetime) -> Answer:
    """The answer to a login. Modules for 3.1 append lines 4 and 5 to their URLs as they are; others read three."""
    stamp = int(now.astimezone(UTC).timestamp())
    return Answer("\n".join(["success", COOKIE, token, f"sessid={sessid}", f"timestamp={stamp}"]))


def standing(state: State, said: str = "", *, has_waited: bool = False, minutes: int = 0) -> Answer:
    """The answer to `mode=import`.

    Args:
        state: how the package stands.
        said: why it failed, or how far its run is.
        has_waited: whether 1C has been kept waiting for as long as that is allowed.
        minutes: how long that is.
    """
    match state:
        case State.LANDED | State.DURABLE:
            return SUCCESS
        case State.FAILED:
            return failure(said, fails=True)
    if has_waited and state is not State.PROVING:
        return failure(words.not_yet(minutes), fails=True)
    return Answer(f"progress\n{said or (words.PROVING if state is State.PROVING else words.WAITING)}")
