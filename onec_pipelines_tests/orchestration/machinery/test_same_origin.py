"""Who may act on the UI: decided from what a request says of itself, without a socket."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from onec_pipelines.orchestration.machinery.same_origin import Address, Asked, SameOrigin, refusal
from onec_pipelines.settings import Settings

LOCAL = Address.of("http://127.0.0.1:3000")
PUBLIC = Address.of("https://onec.example.com")
OWN = Asked(
    method="POST",
    path="/graphql",
    host="onec.example.com",
    origin="https://onec.example.com",
    fetch_site="same-origin",
    fetch_mode="cors",
    fetch_dest="empty",
    accept="*/*",
    content_type="application/json",
)
"""As a page of the UI asks for data."""
SCRIPT = Asked(method="POST", path="/graphql", host="127.0.0.1:3000", content_type="application/json")
"""As a program of this machine asks, which is no browser."""
LINK = Asked(
    method="GET",
    path="/runs/1",
    host="onec.example.com",
    fetch_site="cross-site",
    fetch_mode="navigate",
    fetch_dest="document",
    accept="text/html,application/xhtml+xml",
)
"""As a browser asks for a page of the UI that somebody has followed a link to."""
WEBSOCKET = Asked(method="GET", path="/graphql", host="onec.example.com", is_websocket=True)


def status(asked: Asked, ui: Address = PUBLIC, **said: object) -> int | None:
    """The status with which a request is refused that says this, too; None where it is let through."""
    refused = refusal(replace(asked, **said), ui)
    return refused and refused.status


# --- where people open it


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:3000", Address("http://127.0.0.1:3000", "127.0.0.1")),
        ("https://Shop.Example:443/dagster/", Address("https://shop.example", "shop.example", "/dagster")),
        ("http://shop.example:80", Address("http://shop.example", "shop.example")),
        ("https://shop.example:80", Address("https://shop.example:80", "shop.example")),
        ("https://[2001:db8::1]:8443", Address("https://[2001:db8::1]:8443", "[2001:db8::1]")),
        ("https://магазин.рф", Address("https://xn--80aairftm.xn--p1ai", "xn--80aairftm.xn--p1ai")),
    ],
)
def test_an_address_is_as_browsers_write_it(url, address):
    assert Address.of(Settings.from_environment({"ONEC_UI_URL": url}).ui_url) == address


# --- the host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:3000", "localhost:8080", "[::1]:3000", "onec.example.com"])
def test_it_answers_under_its_own_names_at_any_port(host):
    assert status(SCRIPT, host=host) is None
    assert status(LINK, host=host) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",  # which may lead to 127.0.0.1
        "evil.example:3000",
        "onec.example.com.evil.example",
        "127.0.0.1.evil.example",
        "onec.example.com@evil.example",
        "127.0.0.2",
        "onec.example.com, evil.example",
        "",
    ],
)
@pytest.mark.parametrize("asked", [SCRIPT, LINK, WEBSOCKET], ids=["script", "link", "websocket"])
def test_it_answers_under_no_other_name(asked, host):
    assert status(asked, host=host) == 403


def test_the_public_name_is_that_of_the_setting_alone():
    assert status(LINK, LOCAL) == 403


# --- the UI's own pages


@pytest.mark.parametrize("asked", [OWN, replace(WEBSOCKET, origin=OWN.origin)], ids=["query", "websocket"])
def test_a_page_of_the_ui_may_do_anything(asked):
    assert status(asked) is None


@pytest.mark.parametrize("host", ["127.0.0.1:3000", "localhost:3000", "[::1]:3000", "localhost:8080"])
def test_on_this_machine_or_through_a_tunnel_the_address_of_the_browser_is_that_of_the_host(host):
    assert status(OWN, host=host, origin=f"http://{host}") is None


@pytest.mark.parametrize("host", ["127.0.0.1:3000", "onec.example.com", "onec.example.com:443"])
def test_a_proxy_may_name_its_own_address_or_the_public_one(host):
    assert status(OWN, host=host) is None


def test_a_page_may_load_what_belongs_to_it():
    script = replace(OWN, method="GET", path="/assets/index.js", origin="", content_type="", fetch_dest="script")
    assert status(script) is None
    assert status(script, fetch_mode="no-cors") is None


# --- pages of others

FOREIGN = [
    {"origin": "https://evil.example", "fetch_site": "cross-site"},
    {"origin": "https://evil.example", "fetch_site": ""},  # where the UI is not served by https, no browser says more
    {"origin": "", "fetch_site": "cross-site"},
    {"origin": "", "fetch_site": "same-site"},
    {"origin": "https://shop.example.com", "fetch_site": "same-site"},
    {"origin": "http://onec.example.com", "fetch_site": "cross-site"},
    {"origin": "http://onec.example.com", "fetch_site": ""},
    {"origin": "https://onec.example.com:8443", "fetch_site": "same-site"},
    {"origin": "https://onec.example.com:8443", "fetch_site": ""},
    {"origin": "null", "fetch_site": "cross-site"},
    {"origin": "null", "fetch_site": ""},
    {"origin": "https://onec.example.com, https://evil.example", "fetch_site": ""},
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda said: " ".join(said.values()))
@pytest.mark.parametrize(
    "asked",
    [
        OWN,
        replace(OWN, content_type="text/plain"),
        replace(OWN, path="/report_asset_materialization/catalog", content_type=""),
        replace(OWN, method="OPTIONS", content_type=""),
        replace(OWN, method="DELETE"),
        replace(OWN, method="GET", path="/graphql", content_type=""),
        replace(OWN, method="GET", path="/logs/1.err", content_type="", fetch_mode="no-cors", fetch_dest="image"),
        replace(LINK, method="POST", content_type="application/x-www-form-urlencoded"),
        replace(LINK, fetch_dest="iframe", fetch_site=""),
        WEBSOCKET,
    ],
    ids=["json", "text", "report", "preflight", "delete", "query", "image", "form", "frame", "websocket"],
)
def test_a_page_of_another_site_may_do_nothing(asked, foreign):
    assert status(asked, **foreign) == 403


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8888", "http://localhost:3000", "https://127.0.0.1:3000"])
@pytest.mark.parametrize("asked", [SCRIPT, replace(WEBSOCKET, host=SCRIPT.host)], ids=["json", "websocket"])
def test_nor_may_another_page_of_this_machine(asked, origin):
    assert status(asked, LOCAL, origin=origin) == 403


def test_where_the_proxy_names_its_own_address_only_the_public_one_may_act():
    assert status(OWN, host="127.0.0.1:3000", origin="https://evil.example", fetch_site="") == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "same-origin", ""])
def test_a_link_to_a_page_may_be_followed_from_anywhere(site):
    assert status(LINK, fetch_site=site) is None


def test_a_browser_that_says_nothing_of_where_it_comes_from_may_look():
    old = Asked(method="GET", path="/runs", host="onec.example.com", accept="text/html")
    assert status(old) is None


# --- what no page can send without asking


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "image/avif,image/webp,*/*;q=0.8"])
@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/dagster/graphql"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nothing_is_executed_by_get(method, path, accept):
    asked = Asked(method=method, path=path, host="localhost", accept=accept)
    assert status(asked) == 405
    assert status(asked, origin=PUBLIC.origin, fetch_site="same-origin") == 405


def test_the_page_on_which_queries_are_typed_may_be_opened():
    assert status(LINK, path="/graphql") is None


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/plain; application/json",  # Dagster takes this for JSON, and a page may send it anywhere
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json, text/plain",
    ],
)
@pytest.mark.parametrize("asked", [SCRIPT, OWN], ids=["script", "page"])
def test_whatever_is_sent_is_json(asked, content_type):
    assert status(asked, content_type=content_type) == 415


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_a_program_of_this_machine_may_act_by_json(content_type):
    assert status(SCRIPT, content_type=content_type) is None
    assert status(SCRIPT, path="/report_asset_materialization/catalog", content_type=content_type) is None


def test_a_program_of_this_machine_may_follow_runs():
    assert status(WEBSOCKET, host="localhost:3000") is None


# --- the sentences


def test_each_sentence_says_what_was_looked_at_what_was_found_and_what_to_do():
    assert refusal(replace(LINK, host="evil.example"), PUBLIC).sentence == (
        "The request names the host 'evil.example', and this UI answers to 127.0.0.1, localhost, [::1] and the host "
        "of ONEC_UI_URL, onec.example.com. If people open it under that name, set ONEC_UI_URL to the address that "
        "they open, and start it again."
    )
    assert refusal(replace(OWN, origin="https://evil.example"), PUBLIC).sentence == (
        "The request comes from a page of 'https://evil.example', and only pages of this UI may send it: "
        "https://onec.example.com, or the same address of this machine. If people open the UI at another address, set "
        "ONEC_UI_URL to that, and start it again."
    )
    elsewhere = refusal(replace(OWN, origin="", fetch_site="cross-site"), PUBLIC)
    assert "from a page elsewhere ('cross-site')" in elsewhere.sentence
    assert refusal(replace(SCRIPT, method="GET"), PUBLIC).sentence == (
        "GraphQL is not answered by GET, which any page can send: POST the query as JSON."
    )
    assert refusal(replace(SCRIPT, content_type="text/plain"), PUBLIC).sentence == (
        "The Content-Type is 'text/plain', and what any page can send is not answered: send application/json."
    )


def test_what_a_request_says_is_shown_as_data():
    said = refusal(replace(SCRIPT, host="\x1b]0;x\x07\n\xff"), PUBLIC).sentence
    assert said.isascii()
    assert said.isprintable()


# --- as an ASGI app


async def dagster(scope, _receive, send) -> None:
    """An app that answers everything, as Dagster's does."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    headers = [(b"content-security-policy", b"object-src 'none'"), (b"referrer-policy", b"unsafe-url")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"done"})


def answer(kind: str, method: str = "GET", path: str = "/", **headers: str) -> list[dict[str, Any]]:
    """What the app sends to a request."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": f"{kind}.connect" if kind == "websocket" else "http.request"}

    stated = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": kind, "method": method, "path": path, "headers": stated}
    scope["extensions"] = {"websocket.http.response": {}}
    if kind == "websocket":
        del scope["method"]
    asyncio.run(SameOrigin(dagster, LOCAL)(scope, receive, send))
    return sent


def test_what_is_let_through_is_dagsters_answer_which_no_other_page_may_frame_or_use():
    start, body = answer("http", host="127.0.0.1:3000")
    headers = [(name.decode(), value.decode()) for name, value in start["headers"]]
    assert (start["status"], body["body"]) == (200, b"done")
    assert ("x-frame-options", "SAMEORIGIN") in headers
    assert [value for name, value in headers if name == "content-security-policy"] == [
        "object-src 'none'",
        "frame-ancestors 'self'",
    ]
    assert ("x-content-type-options", "nosniff") in headers
    assert [value for name, value in headers if name == "referrer-policy"] == ["same-origin"]
    assert ("cross-origin-resource-policy", "same-origin") in headers


def test_what_is_refused_never_reaches_dagster_and_is_told_to_whoever_runs_the_ui(caplog):
    with caplog.at_level(logging.WARNING):
        start, body = answer("http", "POST", "/graphql\n", host="127.0.0.1:3000", content_type="text/plain")
    assert (start["status"], body["body"].decode()[:16]) == (415, "The Content-Type")
    assert dict(start["headers"])[b"content-type"] == b"text/plain; charset=utf-8"
    assert dict(start["headers"])[b"x-content-type-options"] == b"nosniff"
    assert caplog.messages[0].startswith("POST '/graphql\\n': The Content-Type is 'text/plain'")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, 200),
        ({"path": "/graphql", "accept": "text/html"}, 200),
        ({"path": "/graphql", "accept": "*/*"}, 405),
        ({"path": "/graphql", "method": "POST", "content_type": "application/json"}, 200),
        ({"host": "LocalHost:3000"}, 200),
    ],
    ids=["image", "frame", "link", "page of queries", "query by GET", "query by POST", "host in capitals"],
)
def test_what_a_browser_says_stands_in_the_headers(asked, status):
    start, _ = answer("http", **{"host": "127.0.0.1:3000", **asked})
    assert start["status"] == status


def test_a_header_that_is_there_twice_is_not_believed():
    twice = {"host": "127.0.0.1:3000", "HOST": "evil.example"}
    assert answer("http", **twice)[0]["status"] == 403


def test_a_websocket_of_another_page_is_refused_before_it_is_open():
    start, body = answer("websocket", path="/graphql", host="127.0.0.1:3000", origin="https://evil.example")
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 403)
    assert b"https://evil.example" in body["body"]


def test_a_websocket_of_the_ui_is_opened():
    (start,) = answer("websocket", path="/graphql", host="127.0.0.1:3000", origin="http://127.0.0.1:3000")
    assert start["type"] == "websocket.accept"


def test_what_is_no_request_is_handed_on():
    kinds = []

    async def app(scope, _receive, _send) -> None:
        kinds.append(scope["type"])

    asyncio.run(SameOrigin(app, LOCAL)({"type": "lifespan"}, None, None))
    assert kinds == ["lifespan"]
