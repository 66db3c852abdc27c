"""The OpenAPI document, and the page about the API, say what there is: no more and no less."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.consumers.api.conftest import Served
from tests.house.repository import read
from tests.redis_server import one_kind

pytestmark = pytest.mark.parametrize("redis_server", one_kind("valkey"), indirect=True)
OPEN = {"healthz", "readyz", "publish_articles"}


@pytest.fixture
def document(server: Served) -> Any:
    return server.http.get("/openapi.json").json()


def operations(document: Any) -> dict[str, Any]:
    return {
        f"{method.upper()} {path}": about
        for path, methods in document["paths"].items()
        for method, about in methods.items()
    }


def test_the_page_about_the_api_names_every_endpoint_and_none_that_is_not(document: Any) -> None:
    named = re.findall(r"^\| `((?:GET|PUT|POST|DELETE) /[^`]*)` \|", read("docs/api.md"), re.MULTILINE)
    assert len(named) == len(set(named))
    assert set(named) == set(operations(document))


def test_it_names_every_filter_of_the_list(document: Any) -> None:
    parameters = {each["name"] for each in operations(document)["GET /v1/alerts"]["parameters"]}
    (row,) = [line for line in read("docs/api.md").splitlines() if line.startswith("| `GET /v1/alerts`")]
    assert set(re.findall(r"`(\w+)`", row)) == parameters - {"limit", "cursor"}


def test_what_needs_admin_is_what_changes_something(document: Any) -> None:
    rows = [line for line in read("docs/api.md").splitlines() if re.match(r"\| `(PUT|POST|DELETE|GET) ", line)]
    admin = {row.split("`")[1] for row in rows if row.rstrip(" |").endswith("; admin")}
    harmless = {
        name
        for name in operations(document)
        if name.startswith("GET ") or name.endswith(("/check", "/explain", "/backtest", "/preview", "/v1/articles"))
    }
    assert admin == set(operations(document)) - harmless


def test_every_operation_has_a_stable_id_a_description_and_its_refusals(document: Any) -> None:
    found = operations(document)
    ids = [about["operationId"] for about in found.values()]
    assert len(ids) == len(set(ids))
    for name, about in found.items():
        assert re.fullmatch(r"[a-z_]+", about["operationId"]), name
        assert about["description"], name
        if about["operationId"] not in OPEN:
            assert {"401", "403", "429"} <= about["responses"].keys(), name
            assert about["security"] == [{"HTTPBearer": []}], name
    scheme = document["components"]["securitySchemes"]["HTTPBearer"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
