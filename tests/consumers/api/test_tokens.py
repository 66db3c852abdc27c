"""A server with API tokens: who reads, who changes things, and who is told to slow down."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from consumers.api.tokens import entry
from tests.consumers.api.conftest import TOKEN, Served
from tests.redis_server import RedisServer
from wirewatch.token_entries import new_token

READ, ADMIN = new_token(), new_token()
OPEN = {"/", "/healthz", "/readyz", "/openapi.json"}


@pytest.fixture(scope="module")
def guarded(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    tokens = f"{entry('screen', 'read', READ)},{entry('anna', 'admin', ADMIN)}"
    server = Served(
        redis_server.url, tmp_path_factory.mktemp("guarded"), api_tokens=tokens, api_requests_per_minute="500"
    )
    yield server
    server.stop()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_without_a_token_nothing_is_read_but_how_the_server_is(guarded: Served) -> None:
    paths = guarded.http.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method in methods:
            if path in OPEN or "{" in path:
                continue
            answer = guarded.http.request(method, path)
            assert answer.status_code == 401, f"{method} {path}"
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json()["detail"].startswith("send the header Authorization: Bearer TOKEN")
    for path in OPEN:
        assert guarded.http.get(path).status_code == 200
    assert guarded.http.get("/sources").status_code == 401


@pytest.mark.parametrize(("token", "name", "role"), [(READ, "screen", "read"), (ADMIN, "anna", "admin")])
def test_a_token_says_who_one_is(guarded: Served, token: str, name: str, role: str) -> None:
    me = guarded.http.get("/v1/me", headers=bearer(token)).json()
    assert me == {"name": name, "role": role, "anonymous": False}
    assert guarded.http.get("/v1/alerts", headers=bearer(token)).status_code == 200


def test_a_token_to_publish_reads_nothing_and_one_to_read_publishes_nothing(guarded: Served) -> None:
    answer = guarded.http.get("/v1/alerts", headers=bearer(TOKEN))
    assert (answer.status_code, answer.json()["reason"]) == (401, "wrong-token")
    article = {"source": "me", "title": "NATO meets", "text": "The allies meet."}
    assert guarded.http.post("/v1/articles", json=article, headers=bearer(ADMIN)).status_code == 401


def test_a_token_in_the_address_is_for_feeds_alone(guarded: Served) -> None:
    assert guarded.http.get("/v1/alerts", params={"token": READ}).status_code == 401


def test_without_tokens_whoever_is_on_this_machine_is_let_in(server: Served) -> None:
    assert server.http.get("/v1/me").json() == {"name": "local", "role": "admin", "anonymous": True}
    assert server.http.get("/v1/me", headers={"Host": "evil.example"}).json()["reason"] == "host"
    assert server.http.get("/v1/me", headers={"Origin": "https://evil.example"}).json()["reason"] == "cross-site"


def test_the_answer_says_how_much_is_left_and_one_that_asks_too_much_waits(
    redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tokens = entry("screen", "read", READ)
    folder = tmp_path_factory.mktemp("limited")
    server = Served(redis_server.url, folder, "--only", "api", api_tokens=tokens, api_requests_per_minute="3")
    try:
        left = [server.http.get("/v1/me", headers=bearer(READ)) for _ in range(4)]
        assert [answer.status_code for answer in left] == [200, 200, 200, 429]
        assert left[0].headers["ratelimit-policy"] == '"minute";q=3;w=60'
        assert left[0].headers["ratelimit"].startswith('"minute";r=2;t=')
        assert left[3].headers["ratelimit"].startswith('"minute";r=0;t=')
        assert left[3].json()["reason"] == "too-many-requests"
        assert int(left[3].headers["retry-after"]) >= 1
        # Others are counted by themselves, guesses at tokens too; health is never refused.
        assert _guesses(server.http) == [401, 401, 401, 429]
        assert server.http.get("/healthz").status_code == 200
    finally:
        server.stop()


def _guesses(http: httpx.Client) -> list[int]:
    return [http.get("/v1/me", headers=bearer(new_token())).status_code for _ in range(4)]


def test_a_server_for_others_without_tokens_lets_nobody_in(
    redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = Served(
        redis_server.url,
        tmp_path_factory.mktemp("public"),
        "--only",
        "api",
        "--host",
        "0.0.0.0",  # noqa: S104
    )
    try:
        url = server.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        answer = httpx.get(f"{url}/v1/alerts")
        assert (answer.status_code, answer.json()["reason"]) == (401, "no-tokens")
        assert "wirewatch tokens new NAME --role admin" in answer.json()["detail"]
        assert httpx.get(f"{url}/healthz").status_code == 200
    finally:
        server.stop()
