"""Documents of strangers are parsed in a process of their own: what breaks it costs that document and nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.apart import Apart
from producers.documents import Document, parse
from wirewatch.errors import Rejected

FEED = b"""<rss version="2.0"><channel><title>Nieuws</title><link>https://nieuws.example/</link>
<item><title>NAVO schort op</title><link>/1</link><description>De NAVO schort op.</description>
</item></channel></rss>"""
_ATTRIBUTES = b" ".join(b'a%d="b"' % n for n in range(40_000))
SLOW = {
    "one element with endless attributes": b"<rss><channel><item><title "
    + _ATTRIBUTES
    + b">a</title></item></channel></rss>",
    "an author without end": FEED.replace(b"<link>/1", b"<author>" + b"a" * 250_000 + b"</author><link>/1"),
}


def feed(data: bytes) -> Document:
    return Document(kind="feed", data=data, bytes_max=5_000_000, url="https://nieuws.example/rss")


def page(data: bytes) -> Document:
    return Document(kind="page", data=data, bytes_max=5_000_000, url="https://nieuws.example/1")


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    with Apart() as opened:
        yield opened


def test_a_feed_comes_out_as_it_would_without_the_process(apart: Apart) -> None:
    assert apart(feed(FEED)) == parse(feed(FEED))
    [item] = apart(feed(FEED)).items
    assert not isinstance(item.raw, Rejected)
    assert item.raw.url == "https://nieuws.example/1"


def test_what_is_rejected_there_is_rejected_here_with_the_same_words(apart: Apart) -> None:
    for data in (b"", b"no feed", b'<!DOCTYPE r [<!ENTITY a "b">]><rss/>'):
        with pytest.raises(Rejected) as there:
            apart(feed(data))
        with pytest.raises(Rejected) as here:
            parse(feed(data))
        assert (there.value.reason, there.value.detail) == (here.value.reason, here.value.detail)


@pytest.mark.parametrize("data", SLOW.values(), ids=SLOW)
def test_a_document_that_takes_too_long_is_rejected_and_the_next_one_is_parsed(data: bytes) -> None:
    with Apart(cpu_seconds_max=1) as limited:
        with pytest.raises(Rejected) as caught:
            limited(feed(data))
        assert caught.value.reason == "parse-timeout"
        assert limited(feed(FEED)).title == "Nieuws"


def test_a_document_that_takes_too_much_memory_is_rejected_and_the_next_one_is_parsed() -> None:
    with Apart() as limited:
        with pytest.raises(Rejected) as caught:
            limited(page(b"<html><body>" + b"<i>" * 6_000_000))
        assert caught.value.reason in {"parse-memory", "parse-timeout", "too-large", "undecodable"}
        assert limited(feed(FEED)).title == "Nieuws"


def test_a_parser_that_crashes_costs_its_document_alone(apart: Apart) -> None:
    apart(feed(FEED))
    (child,) = [each for each in psutil.Process().children() if "producers.apart" in each.cmdline()]
    child.send_signal(signal.SIGSEGV)
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    with pytest.raises(Rejected) as caught:
        apart(feed(FEED))
    assert caught.value.reason == "parse-crash"
    assert apart(feed(FEED)).title == "Nieuws"


def test_it_knows_none_of_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:secret-2941@h/0")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "secret-2941")
    monkeypatch.setenv("WIREWATCH_INGEST_TOKENS", "secret-2941")
    with Apart() as started:
        started(feed(FEED))
        children = [each for each in psutil.Process().children() if "producers.apart" in each.cmdline()]
        assert children
        assert not any("secret-2941" in str(each.environ()) for each in children)


def test_it_ends_when_its_parent_is_killed() -> None:
    code = (
        "import time\nfrom producers.apart import Apart\nfrom producers.documents import Document\n"
        f"a = Apart()\na(Document(kind='feed', data={FEED!r}, bytes_max=9999))\n"
        "print(a._process.pid, flush=True)\ntime.sleep(100)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.05)


@settings(max_examples=60, deadline=None)  # the first one starts the process
@given(
    st.binary(max_size=400)
    | st.tuples(st.integers(0, len(FEED)), st.integers(0, len(FEED)), st.binary(max_size=30)).map(
        lambda cut: FEED[: cut[0]] + cut[2] + FEED[cut[1] :]
    ),
    st.sampled_from(["feed", "page"]),
)
def test_whatever_the_document_it_is_parsed_or_rejected_by_name(apart: Apart, data: bytes, kind: str) -> None:
    try:
        found = apart(feed(data) if kind == "feed" else page(data))
    except Rejected as caught:
        reason = caught.reason
    else:
        reason = ""
        assert len(found.items) <= len(data) + 1
    assert reason in {"", "invalid", "unsafe", "undecodable", "empty", "too-large"}
