"""``wirewatch feeds`` as a user runs it, against a real HTTP server and the embedded log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from tests.producers.feeds.server import Server, reply, serving
from tests.producers.log import Log
from wirewatch.cli.serve import _application, _gate
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings
from wirewatch.sqlite_broker import SqliteBroker

FEED = b"""<rss version="2.0"><channel><title>De Krant</title><link>https://krant.example/</link>
<item><title>NAVO schort op</title><link>https://krant.example/1</link>
<pubDate>Mon, 06 Jan 2020 10:00:00 +0100</pubDate></item><item></item></channel></rss>"""


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as opened:
        opened.answers["/feed"] = reply(200, FEED, ETag='"1"', Content_Type="application/rss+xml")
        yield opened


def command(folder: Path, *arguments: str) -> tuple[list[str], dict[str, str]]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("WIREWATCH_", "KAFKA_"))}
    environment = {**clean, "PYTHONPATH": str(Path(__file__).parents[3]), "WIREWATCH_DATA_DIR": str(folder / "data")}
    return [sys.executable, "-m", "wirewatch", "feeds", *arguments], environment


def feeds(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    arguments_, environment = command(folder, *arguments)
    return subprocess.run(arguments_, env=environment, capture_output=True, text=True, check=False)


def titles(folder: Path) -> list[str]:
    settings = Settings(data_dir=folder / "data")
    log = Log(SqliteBroker(settings.data_dir / "log.sqlite3"), settings)
    found = [article.title for article in log.articles()]
    log.close()
    return found


def test_polling_once_publishes_what_the_feed_holds(server: Server, tmp_path: Path) -> None:
    result = feeds(tmp_path, "poll", f"{server.url}/feed", "--once", "--allow-private")
    assert result.returncode == 0
    assert "2 items, 1 new articles published, 1 rejected" in result.stderr
    assert titles(tmp_path) == ["NAVO schort op"]


def test_polling_once_fails_when_a_feed_does(server: Server, tmp_path: Path) -> None:
    urls = [f"{server.url}/feed", f"{server.url}/none"]
    result = feeds(tmp_path, "poll", *urls, "--once", "--allow-private")
    assert result.returncode == 1
    assert f"{server.url}/none: http-status: 404" in result.stderr
    assert titles(tmp_path) == ["NAVO schort op"]


def test_polling_goes_on_until_it_is_asked_to_stop(server: Server, tmp_path: Path) -> None:
    arguments, environment = command(tmp_path, "poll", f"{server.url}/feed", "--allow-private")
    process = subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    lines = iter(process.stderr.readline, "")
    assert any("next poll" in line for line in lines)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    process.stderr.close()


def test_check_tells_what_a_poll_would_give_and_publishes_nothing(server: Server, tmp_path: Path) -> None:
    result = feeds(tmp_path, "check", f"{server.url}/feed", "--json", "--allow-private")
    facts = json.loads(result.stdout)
    assert (facts["title"], facts["source"], facts["items"]) == ("De Krant", "krant.example", 2)
    assert facts["articles"] == ["NAVO schort op (krant.example)"]
    assert facts["rejected"] == [f"{server.url}/feed#1: empty: there is neither a title nor a text"]
    assert facts["newest"] == "2020-01-06T09:00:00+00:00"
    assert "ETag" in facts["conditional"]
    assert not (tmp_path / "data").exists()


def test_check_says_why_a_feed_of_our_own_network_is_refused(server: Server, tmp_path: Path) -> None:
    result = feeds(tmp_path, "check", f"{server.url}/feed")
    assert result.returncode == 1
    assert "refused" in result.stdout
    assert "Traceback" not in result.stderr
    assert server.requests == []


OPML = """<opml version="2.0"><body><outline text="Nederland"><outline text="De Krant" xmlUrl="{url}/feed"/></outline>
<outline text="bad" xmlUrl="nowhere"/></body></opml>"""


def listed(folder: Path, redis_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    arguments_, environment = command(folder, *arguments)
    environment |= {"REDIS_URL": redis_url}
    return subprocess.run(arguments_, env=environment, capture_output=True, text=True, check=False)


def test_a_list_is_imported_polled_and_exported_and_a_second_poller_asks_for_nothing_twice(
    server: Server, tmp_path: Path, redis_url: str
) -> None:
    (tmp_path / "list.opml").write_text(OPML.format(url=server.url))
    imported = listed(tmp_path, redis_url, "import", str(tmp_path / "list.opml"))
    assert imported.stdout == "1 feeds read, 1 new on the list, 1 left out\n"
    assert "list.opml: line 2: 'nowhere'" in imported.stderr
    polled = listed(tmp_path, redis_url, "poll", "--once", "--allow-private")
    assert (polled.returncode, titles(tmp_path)) == (0, ["NAVO schort op"])
    assert listed(tmp_path, redis_url, "poll", "--once", "--allow-private").returncode == 0
    assert len(server.requests) == 1
    feed = json.loads(listed(tmp_path, redis_url, "list", "--json").stdout)
    assert (feed["health"], feed["categories"], feed["articles"]) == ("silent", ["Nederland"], 1)
    exported = listed(tmp_path, redis_url, "export").stdout
    assert f'<outline text="De Krant" type="rss" xmlUrl="{server.url}/feed"/>' in exported
    assert listed(tmp_path, redis_url, "remove", f"{server.url}/feed").returncode == 0
    assert "no feeds" in listed(tmp_path, redis_url, "list").stderr


def test_check_of_a_page_names_the_feeds_that_it_offers(server: Server, tmp_path: Path) -> None:
    page = b"<html><head><link rel=alternate type=application/rss+xml href=/feed></head></html>"
    server.answers["/"] = reply(200, page, Content_Type="text/html")
    result = feeds(tmp_path, "check", f"{server.url}/", "--json", "--allow-private")
    assert json.loads(result.stdout)["feeds offered"] == [f"{server.url}/feed"]


def test_hubs_find_their_endpoint_on_the_ingest_only_when_there_is_a_public_address(
    redis_url: str, tmp_path: Path
) -> None:
    def paths(**changed: object) -> set[str]:
        settings = Settings(data_dir=tmp_path / "data", redis_url=SecretStr(redis_url)).model_copy(update=changed)
        with _application(settings, Metrics(CollectorRegistry()), "ingest", _gate(settings, "127.0.0.1")) as app:
            return {path for path in app.openapi()["paths"] if "websub" in path}

    assert paths() == set()
    assert paths(websub_url="https://news.example") == {"/websub/{subscription_id}"}
