"""Who is let in, as a table: tokens and roles, and what a browser of this machine may be made to ask."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.api.access import LOCAL, Caller, Denied, Door, is_loopback, judge, permit
from consumers.api.tokens import ApiToken, configured, entry
from wirewatch.errors import UsageError, UserError
from wirewatch.settings import load
from wirewatch.token_entries import digest, new_token

READ, ADMIN = new_token(), new_token()
CLOSED = Door((), loopback=False)
OPEN = Door((), loopback=True)
KEPT = Door((ApiToken(digest(READ), "screen", "read"), ApiToken(digest(ADMIN), "anna", "admin")), loopback=True)
HOST = "127.0.0.1:8080"


def said(found: Caller | Denied) -> str:
    return found.reason if isinstance(found, Denied) else f"{found.name} {found.role}"


@pytest.mark.parametrize(
    ("door", "authorization", "outcome"),
    [
        (KEPT, f"Bearer {READ}", "screen read"),
        (KEPT, f"bearer  {ADMIN}", "anna admin"),
        (KEPT, None, "no-token"),
        (KEPT, f"Bearer {READ}x", "wrong-token"),
        (KEPT, f"Basic {READ}", "wrong-token"),
        (KEPT, "Bearer ", "wrong-token"),
        (CLOSED, None, "no-tokens"),
        (CLOSED, f"Bearer {READ}", "no-tokens"),
        # The page of a server whose tokens were taken away still sends one.
        (OPEN, f"Bearer {READ}", "local admin"),
    ],
)
def test_a_token_lets_in_who_has_it(door: Door, authorization: str | None, outcome: str) -> None:
    headers = {"host": HOST} | ({"authorization": authorization} if authorization else {})
    found = judge(door, "GET", headers)
    assert said(found) == outcome
    assert isinstance(found, Caller) or found.status == 401


@pytest.mark.parametrize(
    ("token", "outcome"),
    [(READ, "screen read"), (ADMIN, "role"), ("", "wrong-token"), (READ + "x", "wrong-token"), (None, "no-token")],
)
def test_an_address_may_carry_a_token_that_only_reads(token: str | None, outcome: str) -> None:
    assert said(judge(KEPT, "GET", {}, token)) == outcome


@pytest.mark.parametrize(
    ("method", "headers", "outcome"),
    [
        # Programs send no more than this.
        ("GET", {"host": HOST}, "local admin"),
        ("POST", {"host": "localhost"}, "local admin"),
        ("PUT", {"host": "[::1]:8080"}, "local admin"),
        # Our own page.
        ("POST", {"host": HOST, "origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}, "local admin"),
        ("GET", {"host": HOST, "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, "local admin"),
        # Typed into the address bar, and a link that someone followed.
        ("GET", {"host": HOST, "sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, "local admin"),
        ("GET", {"host": HOST, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, "local admin"),
        # Pages of strangers: a form, a request by a script, an image, a frame without an origin.
        ("POST", {"host": HOST, "origin": "https://evil.example", "sec-fetch-mode": "navigate"}, "cross-site"),
        ("PUT", {"host": HOST, "origin": "https://evil.example", "sec-fetch-site": "cross-site"}, "cross-site"),
        ("GET", {"host": HOST, "origin": "https://evil.example"}, "cross-site"),
        ("GET", {"host": HOST, "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, "cross-site"),
        ("POST", {"host": HOST, "origin": "null"}, "cross-site"),
        ("POST", {"host": HOST, "sec-fetch-site": "cross-site"}, "cross-site"),
        # Another server of this machine is another site.
        ("POST", {"host": HOST, "origin": "http://127.0.0.1:3000", "sec-fetch-site": "same-site"}, "cross-site"),
        ("DELETE", {"host": HOST, "origin": f"https://{HOST}"}, "cross-site"),
        # DNS rebinding: a stranger's name that resolves to this machine.
        ("GET", {"host": "evil.example:8080"}, "host"),
        ("POST", {"host": "evil.example", "origin": "http://evil.example"}, "host"),
        ("GET", {"host": "127.0.0.1.evil.example"}, "host"),
        ("GET", {"host": "localhost.evil.example"}, "host"),
        ("GET", {"host": "0.0.0.0:8080"}, "host"),
        ("GET", {}, "host"),
        ("GET", {"host": "[::1"}, "host"),
        # A proxy that hides where it comes from.
        ("GET", {"host": HOST, "x-forwarded-for": "192.0.2.1"}, "proxy"),
        ("GET", {"host": HOST, "forwarded": "for=192.0.2.1"}, "proxy"),
    ],
)
def test_without_tokens_only_this_machine_and_no_strangers_page_is_let_in(
    method: str, headers: dict[str, str], outcome: str
) -> None:
    found = judge(OPEN, method, headers)
    assert said(found) == outcome
    assert isinstance(found, Caller) or found.status == 403


def test_a_reader_changes_nothing_and_hears_why() -> None:
    assert permit(Caller("anna", "admin"), "admin") is None
    assert permit(Caller("screen", "read"), "read") is None
    denied = permit(Caller("screen", "read"), "admin")
    assert denied is not None
    assert (denied.status, denied.reason) == (403, "role")
    assert "that of screen has the role read" in denied.detail


def test_who_is_let_in_without_a_token_is_called_local() -> None:
    assert judge(OPEN, "GET", {"host": HOST}) == Caller(LOCAL, "admin", anonymous=True)


@given(st.text(max_size=40))
def test_no_host_makes_the_judge_fall_over(host: str) -> None:
    found = judge(OPEN, "POST", {"host": host})
    assert isinstance(found, Denied) or "127." in host or "::1" in host or "localhost" in host.lower()


@pytest.mark.parametrize("name", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST"])
def test_loopback_is_known(name: str) -> None:
    assert is_loopback(name)


@pytest.mark.parametrize("name", ["0.0.0.1", "::", "192.168.1.4", "", "host", "localhost.", "2130706433"])
def test_anything_else_is_not_loopback(name: str) -> None:
    assert not is_loopback(name)


def test_tokens_of_the_settings_have_a_name_and_a_role() -> None:
    tokens = configured(load(api_tokens=f"{entry('screen', 'read', READ)}, {entry('anna', 'admin', ADMIN)}"))
    assert [(token.name, token.role) for token in tokens] == [("screen", "read"), ("anna", "admin")]


@pytest.mark.parametrize(
    "text", [READ, f"anna:{READ}", f"anna:sha256:{'0' * 64}", f"anna:root:sha256:{'0' * 64}", f"a b:read:{READ}"]
)
def test_an_entry_of_another_form_is_refused_by_its_place_and_never_repeated(text: str) -> None:
    with pytest.raises(UserError, match="entry 2") as caught:
        configured(load(api_tokens=f"{entry('screen', 'read', ADMIN)},{text}"))
    assert READ not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "_a", "a" * 65, "a\n", "a,b", "a#b", "\u202eanna"])
def test_a_name_that_could_not_be_told_from_others_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        entry(name, "read", READ)


def test_one_token_has_one_name_and_one_role() -> None:
    with pytest.raises(UserError, match="another entry"):
        configured(load(api_tokens=f"{entry('anna', 'read', READ)},{entry('anna', 'admin', READ)}"))
