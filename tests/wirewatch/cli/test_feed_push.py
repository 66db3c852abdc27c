"""``wirewatch serve`` and ``wirewatch feeds`` as processes, with a feed and its hub: what is pushed is on the log."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.producers.feeds.hub import hubbing
from tests.producers.feeds.server import reply, serving
from tests.wirewatch.cli.test_feeds import command, titles
from wirewatch.cli.wiring import open_broker
from wirewatch.settings import Settings
from wirewatch.topics import specs

FEED = """<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>K</title>
<atom:link rel="hub" href="{hub}"/><atom:link rel="self" href="{topic}"/>
<item><title>Artikel {n}</title><link>https://krant.example/{n}</link></item></channel></rss>"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _ingesting(port: int, environment: dict[str, str], folder: Path) -> Iterator[None]:
    settings = Settings(data_dir=folder / "data")
    with closing(open_broker(settings).admin()) as admin:
        admin.create_topics(specs(settings))
    serve = [sys.executable, "-m", "wirewatch", "serve", "--only", "ingest", "--port", str(port)]
    process = subprocess.Popen(serve, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stdout.readline().startswith("http://")
        yield
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_what_a_hub_pushes_is_published_until_the_feed_is_removed(redis_url: str, tmp_path: Path) -> None:
    port = _free_port()
    more = {"REDIS_URL": redis_url, "WIREWATCH_WEBSUB_URL": f"http://127.0.0.1:{port}"}
    environment = command(tmp_path)[1] | more

    def feeds(*arguments: str) -> None:
        subprocess.run(command(tmp_path, *arguments)[0], env=environment, check=True, capture_output=True)

    with serving() as web, hubbing() as hub, _ingesting(port, environment, tmp_path):
        url = f"{web.url}/feed"
        pages = [FEED.format(hub=hub.url, topic=url, n=n).encode() for n in range(4)]
        web.answers["/feed"] = reply(200, pages[1])
        feeds("import", url)
        feeds("poll", "--once", "--allow-private")
        hub.wait(1)
        assert hub.publish(pages[2]) == [202]
        assert hub.publish(pages[3], secret="guessed") == [202]
        assert sorted(titles(tmp_path)) == ["Artikel 1", "Artikel 2"]
        feeds("remove", url)
        feeds("poll", "--once", "--allow-private")
        hub.wait(0)
