"""The HTTP around the service: routes, bodies, answers in bytes, and uvicorn.

Every answer is 200, `text/plain` and has a length: 1C reads the body whatever the status. What blocks runs in threads;
who waits for a run waits without one.
"""

import asyncio
import errno
import logging
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from typing import TypeVar
from urllib.parse import parse_qsl

import psycopg
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from onec_pipelines.errors import DatabaseError
from onec_pipelines.exchange import protocol, words
from onec_pipelines.exchange.inbox import InboxBusyError
from onec_pipelines.exchange.protocol import COOKIE, Answer, State, decide, failure, standing
from onec_pipelines.exchange.records import Records
from onec_pipelines.exchange.service import RefusedError, Service, Session, credentials
from onec_pipelines.exchange.words import shown
from onec_pipelines.settings import ExchangeSettings
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

T = TypeVar("T")
PATHS = ("/1c_exchange", "/bitrix/admin/1c_exchange.php")
HOLD_SECONDS = 20.0
"""How long an answer is held back while there is nothing new: УТ asks again without a pause."""
LOOK_SECONDS = 0.5
"""How often those who wait are looked up, all at once."""
TOUCH_SECONDS = 2.0
"""How often a body that comes slowly says that its session is at work."""
TIDY_SECONDS, REMOVE_SECONDS = 2.0, 600.0
DRAIN_SECONDS = 5.0
"""For how long a body that nobody wants is waited for, while nothing of it comes."""
BLOCK = 2**20
KEEP_ALIVE_SECONDS = 75
"""УНФ asks every 5 s, which is when uvicorn's own would close."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
STATES = {
    "durable": State.DURABLE,
    "open": State.WAITING,
    "sealed": State.WAITING,
    "running": State.RUNNING,
    "landed": State.LANDED,
    "merged": State.LANDED,
    "failed": State.FAILED,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a package stands, what is said of that, and its age in seconds."""

    state: State
    said: str
    age: float


@dataclass(slots=True)
class Board:
    """What all who wait for packages are told: one query for all of them."""

    records: Records
    wanted: Counter[int] = field(default_factory=Counter)
    _round: "asyncio.Task[dict[int, tuple[str, str, str, str, float]]] | None" = None

    async def read(self, package: int) -> Standing:
        """How a package stands, within `LOOK_SECONDS`."""
        self.wanted[package] += 1
        try:
            if self._round is None:
                self._round = asyncio.create_task(self._look())
            return _as_standing(*(await asyncio.shield(self._round))[package])
        finally:
            self.wanted[package] -= 1
            self.wanted = +self.wanted

    async def _look(self) -> dict[int, tuple[str, str, str, str, float]]:
        await asyncio.sleep(LOOK_SECONDS)
        self._round = None
        return await asyncio.to_thread(self.records.standing, list(self.wanted))


def _as_standing(state: str, progress: str, message: str, run_id: str, age: float) -> Standing:
    now = STATES[state]
    said = words.run_failed(message, run_id) if now is State.FAILED else ""
    return Standing(now, words.going(progress) if now is State.RUNNING else said, age)


class Exchange:
    """The requests of 1C, one after another and many at once."""

    def __init__(self, service: Service, *, hold: float = HOLD_SECONDS) -> None:
        self.service, self.hold = service, hold
        self.board = Board(service.records)
        self._seals: dict[str, asyncio.Task[None]] = {}
        self._threads, self._heavy, self._logins = (ThreadPoolExecutor(most) for most in (24, 2, 2))

    async def __call__(self, request: HttpRequest) -> Response:
        """Answer a request, whatever happens."""
        try:
            answer = await self._answer(request)
        except ClientDisconnect:
            log.warning("%s: the connection was lost", address_of(request))
            return self._response(failure(words.CUT_OFF))
        except (DatabaseError, psycopg.OperationalError):
            log.exception("the database cannot be used")
            answer = failure(words.NO_DATABASE)
        except InboxBusyError:
            answer = failure(words.BUSY)
        except Exception:
            number = uuid.uuid4().hex[:8]
            log.exception("defect %s", number)
            answer = failure(words.internal(number))
        self._tell(request, answer)
        if request.method == "POST":
            await self._drain(request)
        return self._response(answer)

    def _response(self, answer: Answer) -> Response:
        charset = self.service.settings.charset
        body = answer.text.encode(charset, "replace")
        return Response(body, headers={"Content-Type": f"text/plain; charset={charset}", "Cache-Control": "no-store"})

    def _tell(self, request: HttpRequest, answer: Answer) -> None:
        """A line in the log, without what is secret."""
        query = query_of(request)
        asked = " ".join(shown(query.get(key, "")) for key in ("type", "mode", "filename"))
        word, _, said = answer.text.partition("\n")
        level = logging.WARNING if word == "failure" else logging.INFO
        log.log(level, "%s %s: %s", address_of(request), asked, f"{word}: {said}" if word == "failure" else word)

    async def _thread(self, do: Callable[[], T], *, heavy: bool = False) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._heavy if heavy else self._threads, do)

    async def _drain(self, request: HttpRequest) -> None:
        """Read what nobody wants, up to a piece: who is still sending would not read the answer; who is not, waits."""
        taken, pieces = 0, request.stream()
        nobody = (RuntimeError, ClientDisconnect, StopAsyncIteration, TimeoutError)
        with tolerated(log, "the body has been read, or nobody sends it", *nobody):
            while taken <= self.service.limits.chunk:
                taken += len(await asyncio.wait_for(anext(pieces), DRAIN_SECONDS))

    async def _answer(self, request: HttpRequest) -> Answer:
        asked = self._asked(request)
        session = None
        if asked.mode != "checkauth" and asked.is_secure:
            session = await self._thread(partial(self.service.session, request.cookies.get(COOKIE)))
        decision = decide(asked, session.known if session else None, self.service.limits)
        answer = decision if isinstance(decision, Answer) else await self._do(decision, session, request, asked)
        if session and answer.fails and not session.row.failure:
            await self._thread(partial(self.service.fail, session, answer.fails))
        return answer

    def _asked(self, request: HttpRequest) -> protocol.Request:
        query = query_of(request)
        length = request.headers.get("content-length", "")
        stated = credentials(request.headers.get("authorization"))
        return protocol.Request(
            type=query.get("type", ""),
            mode=query.get("mode", ""),
            filename=query.get("filename", ""),
            sessid=query.get("sessid"),
            version=query.get("version"),
            length=int(length) if length.isdecimal() else None,
            is_secure=self.service.settings.allow_http or is_secure(request),
            user=stated[0] if stated else None,
        )

    async def _do(
        self, effect: protocol.Effect, session: Session | None, request: HttpRequest, asked: protocol.Request
    ) -> Answer:
        try:
            return await self._done(effect, session, request, asked)
        except RefusedError as error:
            return failure(error.said, fails=error.fails)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            log.exception("no room on the disk")
            return failure(words.disk_full(asked.filename or "выгрузки"), fails=True)

    async def _done(
        self, effect: protocol.Effect, session: Session | None, request: HttpRequest, asked: protocol.Request
    ) -> Answer:
        match effect:
            case protocol.LogIn():
                return await self._log_in(effect, request)
            case protocol.Begin(answer):
                return await self._begin(answer, session)
            case protocol.Receive(name, is_kept):
                return await self._receive(name, request, asked, session if is_kept else None)
            case protocol.Import(name) if session:
                return await self._import(name, session)
            case protocol.Finish() if session:
                await self._thread(partial(self.service.finish, session.row), heavy=True)
                return protocol.SUCCESS
        raise AssertionError(effect)

    async def _log_in(self, effect: protocol.LogIn, request: HttpRequest) -> Answer:
        authorization, address = request.headers.get("authorization"), address_of(request)
        log_in = partial(self.service.log_in, authorization, address)
        token, sessid = await asyncio.get_running_loop().run_in_executor(self._logins, log_in)
        if effect.ends_full:
            await self._thread(partial(self.service.end_fulls, self.service.settings.user), heavy=True)
        return protocol.welcome(token, sessid, datetime.now(UTC))

    async def _begin(self, answer: Answer, session: Session | None) -> Answer:
        if session:
            await self._thread(session.inbox.begin)
        return answer

    async def _receive(
        self, name: str, request: HttpRequest, asked: protocol.Request, session: Session | None
    ) -> Answer:
        """Keep a body, or read it to its end and keep nothing."""
        blocks = self._blocks(request, session)
        if session is None:
            async for _ in blocks:
                pass
            log.info("%s is not kept: nobody imports files of this kind", shown(name))
            return protocol.SUCCESS
        try:
            await self._keep(name, blocks, asked.length or 0, session)
        except OSError as error:
            if error.errno not in {errno.ENOTDIR, errno.EISDIR, errno.ELOOP}:
                raise
            return failure(words.wrong_name(name), fails=True)
        return protocol.SUCCESS

    async def _keep(self, name: str, blocks: AsyncIterator[bytes], length: int, session: Session) -> None:
        service = self.service
        first = await anext(blocks, b"")
        if len(first) < BLOCK:  # all of it: one thread for all that is to be done
            await self._thread(partial(service.keep, session, name, first))
            return
        await self._thread(partial(service.begin, session, name, length))
        inbox = session.inbox
        receiving = inbox.body(name)
        body = await self._thread(receiving.__enter__)
        try:
            await self._thread(partial(body.write, first))
            async for block in blocks:
                if inbox.size + body.size + len(block) > service.limits.session:
                    raise RefusedError(words.large_session(service.limits.session))
                await self._thread(partial(body.write, block))
            await self._thread(body.keep)
        finally:
            await self._thread(partial(receiving.__exit__, None, None, None))

    async def _blocks(self, request: HttpRequest, session: Session | None) -> AsyncIterator[bytes]:
        """The body in larger blocks; the limit counts for one that does not say its length, too."""
        gathered, taken, touched_at = bytearray(), 0, time.monotonic()
        async for piece in request.stream():
            if session and time.monotonic() - touched_at > TOUCH_SECONDS:
                touched_at = time.monotonic()
                await self._thread(partial(self.service.records.touch, session.row.id))
            taken += len(piece)
            if taken > self.service.limits.chunk:
                raise RefusedError(words.large_chunk(self.service.limits.chunk))
            gathered += piece
            if len(gathered) >= BLOCK:
                yield bytes(gathered)
                gathered.clear()
        if gathered:
            yield bytes(gathered)

    async def _import(self, name: str, session: Session) -> Answer:
        until = time.monotonic() + self.hold
        if session.row.has_files and not await self._sealed(session):
            return standing(State.PROVING)
        row = await self._thread(partial(self.service.records.read_session, session.row.id))
        session.read_at = 0.0
        if row is None or row.failure:
            return failure(row.failure if row else words.NO_SESSION, fails=True)
        if row.package_id is None or not await self._thread(partial(self.service.holds, row.package_id, name)):
            return failure(words.not_received(name), fails=row.package_id is None)
        return await self._standing(row.package_id, until)

    async def _sealed(self, session: Session) -> bool:
        """Seal, and say whether that is done within the time for which an answer is held back."""
        key = session.row.directory
        task = self._seals.get(key)
        if task is None:
            seal = partial(self.service.seal, session.row)
            task = self._seals[key] = asyncio.create_task(self._thread(seal, heavy=True))
            task.add_done_callback(lambda _: self._seals.pop(key, None))
        done, _ = await asyncio.wait([task], timeout=self.hold)
        for ended in done:
            ended.result()
        return bool(done)

    async def _standing(self, package: int, until: float) -> Answer:
        """How a package stands, as soon as its run has ended, or when an answer must be given."""
        wait = self.service.settings.wait
        found = await self._thread(partial(self.service.records.standing, [package]))
        now = _as_standing(*found[package])
        while True:
            is_over = now.age > wait
            answer = standing(now.state, now.said, has_waited=is_over, minutes=max(1, wait // 60))
            if not answer.text.startswith("progress") or time.monotonic() + LOOK_SECONDS > until:
                return answer
            now = await self.board.read(package)

    def close(self) -> None:
        """Wait for what is under way in threads, and hang up."""
        for pool in (self._threads, self._heavy, self._logins):
            pool.shutdown()
        self.service.records.close()

    async def keep_tidy(self) -> None:
        """Seal, close and remove, again and again."""
        removed_at = -REMOVE_SECONDS
        while True:
            try:
                await self._thread(self.service.tidy, heavy=True)
                if time.monotonic() - removed_at > REMOVE_SECONDS:
                    removed_at = time.monotonic()
                    await self._thread(self.service.remove_old)
            except (DatabaseError, psycopg.OperationalError) as error:
                log.warning("nothing is sealed until the database is back: %s", type(error).__name__)
            except Exception:
                log.exception("what has arrived cannot be looked after")
            await asyncio.sleep(TIDY_SECONDS)


def query_of(request: HttpRequest) -> dict[str, str]:
    """What the URL asks: in UTF-8, or else in windows-1251."""
    raw = request.scope["query_string"].decode("latin-1")
    try:
        return dict(parse_qsl(raw, keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        return dict(parse_qsl(raw, keep_blank_values=True, encoding="cp1251", errors="replace"))


def address_of(request: HttpRequest) -> str:
    """The address of 1C; that of `X-Forwarded-For` where a named proxy says so."""
    return request.client.host if request.client else ""


def is_secure(request: HttpRequest) -> bool:
    """Whether a request came by https, or from this machine."""
    with tolerated(log, "an address is no number", ValueError):
        if ip_address(address_of(request)).is_loopback:
            return True
    return request.url.scheme == "https"


def build_app(service: Service, *, hold: float = HOLD_SECONDS) -> Starlette:
    """The app over a service."""
    exchange = Exchange(service, hold=hold)

    async def healthz(_: HttpRequest) -> Response:
        try:
            await asyncio.to_thread(service.records.standing, [])
        except (DatabaseError, psycopg.Error):
            return Response("the database cannot be used", 503, media_type="text/plain")
        return Response("ok", media_type="text/plain")

    async def absent(_: HttpRequest, __: Exception) -> Response:
        return Response(f"failure\n{words.ABSENT}", 404, media_type="text/plain")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        tidying = asyncio.create_task(exchange.keep_tidy())
        yield
        tidying.cancel()
        with tolerated(log, "the tidying has ended", asyncio.CancelledError):
            await tidying
        await asyncio.to_thread(exchange.close)

    async def answer(request: HttpRequest) -> Response:
        return await exchange(request)

    routes = [Route(path, answer, methods=["GET", "POST"]) for path in PATHS]
    return Starlette(routes=[*routes, Route("/healthz", healthz)], lifespan=lifespan, exception_handlers={404: absent})


def config_of(app: Starlette, host: str, port: int) -> uvicorn.Config:
    """How uvicorn serves it: h11 takes the paths that 1C writes, and no line of a log has a query."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http="h11",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=5,
        limit_concurrency=1000,
    )


def serve(settings: ExchangeSettings, url: str, host: str, port: int) -> None:
    """Serve until interrupted."""
    service = Service(settings, Records(url))
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config_of(build_app(service), host, port)).run()
