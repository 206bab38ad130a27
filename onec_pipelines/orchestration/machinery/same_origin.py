"""Who may act on the UI: its own pages, and programs that are no browser. A page of another site may not.

Dagster's webserver executes GraphQL mutations from GET and from form posts, and looks neither at Host nor at Origin.
So any page that somebody has open in the same browser could wipe the history, also behind a login, whose password the
browser adds by itself. `SameOrigin` stands in front of Dagster's app and looks at each request:

| looked at | answered | else |
|---|---|---|
| `Host` | this machine, or the host of ONEC_UI_URL: any other name may be an attacker's that leads to 127.0.0.1 | 403 |
| `Origin`, `Sec-Fetch-Site`, which only a browser sends and no page can forge | those of the UI's own pages | 403 |
| a link from elsewhere to a page of the UI | a GET of a whole page: it changes nothing, and where it leads is seen | |
| GraphQL by GET | only the page on which queries are typed | 405 |
| whatever is no GET | JSON: no page sends that elsewhere without asking there first, which Dagster refuses | 415 |

Not here: a login (docs/operating.md puts nginx in front), and what a request may do (`onec ui --read-only`).
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

log = logging.getLogger(__name__)

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
READING = frozenset({"GET", "HEAD"})
OWN_PAGE = frozenset({"", "same-origin", "none"})
"""Of `Sec-Fetch-Site`: not said, by a page of the UI, by the person at the browser."""
DEFAULT_PORTS = {"http": 80, "https": 443}
JSON = "application/json"
HEADERS = {
    "X-Frame-Options": "SAMEORIGIN",  # the UI shows notebooks in a frame of its own
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FRAMED_BY_ITSELF = "frame-ancestors 'self'"
"""Beside the policy that Dagster states: a browser keeps to both."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where people open the UI: `https://shop.example:8443`, the host in it, and the path below which it is served."""

    origin: str
    host: str
    prefix: str = ""

    @classmethod
    def of(cls, url: str) -> Self:
        """The address of ONEC_UI_URL, as browsers write it: without the usual port, names in their ASCII form."""
        parts = urlsplit(url)
        name = (parts.hostname or "").encode("idna").decode()
        host = f"[{name}]" if ":" in name else name
        port = "" if parts.port in {None, DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
        return cls(f"{parts.scheme}://{host}{port}", host, parts.path.rstrip("/"))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says of itself; a header that is not there is empty, one that is there twice is no valid one."""

    method: str
    path: str
    host: str
    origin: str = ""
    fetch_site: str = ""
    fetch_mode: str = ""
    fetch_dest: str = ""
    accept: str = ""
    content_type: str = ""
    is_websocket: bool = False

    @classmethod
    def of(cls, scope: Scope) -> Self:
        """The request of an ASGI server."""
        return cls(
            method=scope.get("method", "GET"),
            path=scope["path"],
            host=_header(scope["headers"], b"host").lower(),
            origin=_header(scope["headers"], b"origin").lower(),
            fetch_site=_header(scope["headers"], b"sec-fetch-site"),
            fetch_mode=_header(scope["headers"], b"sec-fetch-mode"),
            fetch_dest=_header(scope["headers"], b"sec-fetch-dest"),
            accept=_header(scope["headers"], b"accept"),
            content_type=_header(scope["headers"], b"content-type"),
            is_websocket=scope["type"] == "websocket",
        )

    @property
    def host_name(self) -> str:
        """The host without its port: a tunnel has another one, and nginx leaves it out."""
        found = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^\s:,/@\[\]]+)(:\d{1,5})?", self.host)
        return found[1] if found else ""

    @property
    def is_page_load(self) -> bool:
        """Whether a browser opens a whole page, as it does when somebody follows a link."""
        return self.is_reading and (self.fetch_mode, self.fetch_dest) == ("navigate", "document")

    @property
    def is_reading(self) -> bool:
        """Whether it is a plain GET."""
        return self.method in READING and not self.is_websocket

    @property
    def is_graphql(self) -> bool:
        """Whether Dagster takes the address for a query, and not for the page on which queries are typed."""
        return self.path.rstrip("/").endswith("/graphql") and "text/html" not in self.accept

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON, by the type itself: Dagster is content with the word anywhere in the header."""
        return self.content_type.partition(";")[0].strip().lower() == JSON


def _header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str:
    return ", ".join(value.decode("latin-1") for name, value in headers if name.lower() == wanted)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered, for whoever sent it."""

    status: int
    sentence: str


def refusal(asked: Asked, ui: Address) -> Refusal | None:
    """Why a request is not handed to Dagster; None where it is."""
    if asked.host_name not in {*LOOPBACK, ui.host}:
        return Refusal(
            403,
            f"The request names the host {asked.host!a}, and this UI answers to {', '.join(LOOPBACK)} and the host of "
            f"ONEC_UI_URL, {ui.host}. If people open it under that name, set ONEC_UI_URL to the address that they "
            "open, and start it again.",
        )
    if not comes_from_itself(asked, ui) and not asked.is_page_load:
        page = f"a page of {asked.origin!a}" if asked.origin else f"a page elsewhere ({asked.fetch_site!a})"
        return Refusal(
            403,
            f"The request comes from {page}, and only pages of this UI may send it: {ui.origin}, or the same address "
            "of this machine. If people open the UI at another address, set ONEC_UI_URL to that, and start it again.",
        )
    if asked.is_reading and asked.is_graphql:
        return Refusal(405, "GraphQL is not answered by GET, which any page can send: POST the query as JSON.")
    if not asked.is_reading and not asked.is_websocket and not asked.is_json:
        return Refusal(
            415,
            f"The Content-Type is {asked.content_type!a}, and what any page can send is not answered: send {JSON}.",
        )
    return None


def comes_from_itself(asked: Asked, ui: Address) -> bool:
    """Whether no browser says that a page of another origin has sent this.

    Who comes by the address of this machine may come by a tunnel, to whatever port.
    """
    own = {"", ui.origin}
    if asked.host_name in LOOPBACK:
        own.add(f"http://{asked.host}")
    return asked.origin in own and asked.fetch_site in OWN_PAGE


class SameOrigin:
    """The ASGI app that hands to another one what it may be handed, and adds what browsers should keep to."""

    def __init__(self, app: ASGIApp, ui: Address) -> None:
        self.app = app
        self.ui = ui

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        refused = refusal(Asked.of(scope), self.ui)
        if refused is None:
            await self.app(scope, receive, headed(send))
            return
        log.warning("%s %a: %s", scope.get("method", "WebSocket"), scope["path"], refused.sentence)
        answer = PlainTextResponse(refused.sentence + "\n", refused.status)
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(answer)
        else:
            await answer(scope, receive, headed(send))


def headed(send: Send) -> Send:
    """Send with the headers that keep other pages from framing an answer, or from using it as something else."""

    async def send_headed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.append("Content-Security-Policy", FRAMED_BY_ITSELF)
        await send(message)

    return send_headed
