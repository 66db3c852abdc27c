"""The commands that read, over a real Redis and the embedded log: what they print, and how they refuse."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from consumers.keys import Keys
from consumers.stories.sketch import sketch
from tests.consumers.api.test_api import publish
from tests.consumers.making import NOON, actor, mentions
from wirewatch import dead_letters
from wirewatch.broker import Broker
from wirewatch.cli.main import run
from wirewatch.cli.wiring import open_broker
from wirewatch.records import Article, Mentions
from wirewatch.redis_client import Client, connect
from wirewatch.settings import load
from wirewatch.topics import ARTICLES, specs

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """Runs `wirewatch …`; exit code, standard output, standard error."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("WIREWATCH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WIREWATCH_PARTITIONS", "2")
    monkeypatch.setenv("COLUMNS", "120")

    def call(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run(arguments)
        return code, *capfd.readouterr()

    return call


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    client = connect(redis_url)
    yield client
    client.close()


@pytest.fixture
def broker(command: Command) -> Broker:
    """The embedded log, with its topics."""
    settings = load()
    broker = open_broker(settings)
    admin = broker.admin()
    admin.create_topics(specs(settings))
    admin.close()
    return broker


def test_alerts_are_printed_with_the_newest_last(command: Command, client: Client) -> None:
    publish(client, mentions("a1", "nato", title="First"), mentions("a2", "iran", title="Second"))
    code, out, _ = command("alerts")
    assert code == 0
    assert out.index("First") < out.index("Second")
    assert "›NATO‹ said so" in out


def test_alerts_as_json_are_one_object_a_line(command: Command, client: Client) -> None:
    publish(client, mentions("a1", "nato"), mentions("a2", "iran"))
    _, out, _ = command("alerts", "--json", "--actor", "iran")
    (alert,) = [json.loads(line) for line in out.splitlines()]
    assert alert["article_id"] == "a2"
    assert alert["cursor"].count("-") == 1


def test_without_alerts_the_command_says_how_to_feed_something(command: Command, client: Client) -> None:
    code, out, _ = command("alerts")
    assert code == 0
    assert "wirewatch publish FILE" in out
    assert command("alerts", "--json")[1] == ""
    publish(client, mentions("a1", "nato"))
    assert command("alerts", "--actor", "nobody")[1] == "no alert fits\n"


def test_followed_alerts_come_as_they_are_raised(command: Command, client: Client) -> None:
    publish(client, mentions("old", "nato"))
    arguments = [sys.executable, "-m", "wirewatch", "alerts", "--follow", "--json", "--limit", "1"]
    following = subprocess.Popen(arguments, env=dict(os.environ), stdout=subprocess.PIPE, text=True)
    assert following.stdout is not None
    try:
        assert json.loads(following.stdout.readline())["article_id"] == "old"
        publish(client, mentions("new", "nato"), mentions("newer", "nato"))
        assert json.loads(following.stdout.readline())["article_id"] == "new"
        assert json.loads(following.stdout.readline())["article_id"] == "newer"
    finally:
        following.kill()
        following.communicate()


@pytest.mark.parametrize("updates", [False, True])
def test_followed_alerts_come_once_and_their_updates_only_where_they_are_asked_for(
    updates: bool, command: Command, client: Client
) -> None:
    def told(article_id: str) -> Mentions:
        title = "Frigate hits cargo vessel near Bornholm"
        article = Article(id=article_id, source="", title=title, text="", first_seen=NOON, content_hash="")
        return mentions(article_id, "nato", sketch=sketch(article), source=article_id)

    publish(client, told("a"))
    arguments = [sys.executable, "-m", "wirewatch", "alerts", "--follow", *(["--updates"] if updates else [])]
    following = subprocess.Popen(arguments, env=dict(os.environ), stdout=subprocess.PIPE, text=True)
    assert following.stdout is not None
    lines = (line.strip() for line in following.stdout)
    try:
        assert any("said so" in line for line in lines)
        publish(client, told("b"))
        publish(client, mentions("c", "iran", title="Quite another thing"))
        seen = list(itertools.takewhile(lambda line: "Quite another thing" not in line, lines))
        assert [line for line in seen if line] == (["Headline: +1 article, now 2 sources"] if updates else [])
    finally:
        following.kill()
        following.communicate()


def test_counters_are_printed_as_a_table_or_as_json(command: Command, client: Client) -> None:
    publish(client, mentions("a1", actor("nato", count=2), "iran"))
    _, out, _ = command("counters", "--by", "total", "--since", "2096-03-02", "--json")
    assert out == ""  # they lie ahead of now
    code, out, _ = command("counters")
    assert code == 0
    assert "nothing was counted since" in out


def test_counters_of_today_are_those_of_what_was_seen_today(command: Command, client: Client) -> None:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    publish(client, mentions("a1", actor("nato", count=2), "iran", first_seen=now))
    _, out, _ = command("counters", "--json")
    assert [json.loads(line) for line in out.splitlines()] == [
        {"actor": "iran", "label": None, "key": "", "articles": 1, "mentions": 1},
        {"actor": "nato", "label": None, "key": "", "articles": 1, "mentions": 2},
    ]
    _, out, _ = command("counters", "--by", "pair")
    assert out.split()[-3:] == ["iran", "nato", "1"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("alerts", "--since", "yesterday"), 2, "'yesterday' is no time: write 30m, 2h, 7d"),
        (("alerts", "--severity", "loud"), 2, "'loud' is not one of"),
        (("counters", "--by", "minute"), 2, "'minute' is not one of"),
        (("dlq", "show", "x"), 2, "write partition:offset"),
        (("dlq", "show", "0:99"), 1, "there is no dead letter 0:99"),
        (("dlq", "replay"), 2, "name the dead letters to replay, or write --all"),
        (("dlq", "replay", "0:0", "--all"), 2, "name the dead letters to replay, or write --all"),
        (("rules", "check", "none.yaml"), 1, "none.yaml: there is no such file"),
    ],
)
def test_wrong_use_is_told_in_one_line(
    command: Command, broker: Broker, arguments: tuple[str, ...], code: int, said: str
) -> None:
    exit_code, _, err = command(*arguments)
    assert exit_code == code
    assert said in err
    assert "Traceback" not in err


def test_without_a_redis_the_command_says_what_to_set(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL")
    assert command("alerts")[2] == "wirewatch: no Redis: set REDIS_URL, or start `wirewatch up`\n"
    monkeypatch.setenv("REDIS_URL", "http://x")
    assert "write redis://user:password@host:6379/0" in command("alerts")[2]
    monkeypatch.setenv("REDIS_URL", "redis://user:secret@127.0.0.1:1/0")
    code, _, err = command("counters")
    assert code == 1
    assert "secret" not in err


def test_the_shipped_rules_are_without_mistakes(command: Command) -> None:
    code, out, _ = command("rules", "check")
    assert code == 0
    assert "islamic-state-in-headline" in out
    assert "rules, no mistakes" in out


def bury(broker: Broker, *values: bytes, reason: str = "invalid", times: int = 1) -> None:
    producer = broker.producer()
    for number, value in enumerate(values):
        for _ in range(times):
            dead_letters.send(
                producer,
                value=value,
                reason=reason,
                detail="bad \x1b[2J",
                stage="publish",
                origin=f"x.jsonl:{number + 1}",
            )
    producer.flush()
    producer.close()


def test_dead_letters_are_listed_each_input_once(command: Command, broker: Broker) -> None:
    assert command("dlq", "list")[1] == "no dead letters\n"
    bury(broker, b"{}", b"[]", times=2)
    _, out, _ = command("dlq", "list", "--json")
    letters = [json.loads(line) for line in out.splitlines()]
    assert sorted(letter["origin"] for letter in letters) == ["x.jsonl:1", "x.jsonl:2"]
    assert {letter["reason"] for letter in letters} == {"invalid"}
    _, out, _ = command("dlq", "list")
    assert "x.jsonl:2" in out
    assert "\x1b" not in out
    assert command("dlq", "list", "--reason", "other")[1] == "no dead letters with the reason 'other'\n"


def only_letter(command: Command) -> str:
    letter_id: str = json.loads(command("dlq", "list", "--json")[1])["id"]
    return letter_id


def test_a_dead_letter_is_shown_safely_or_as_the_bytes_it_was(command: Command, broker: Broker) -> None:
    value = b'{"title": "\x1b]0;x\x07 \xff"}\n'
    bury(broker, value)
    letter = only_letter(command)
    code, out, _ = command("dlq", "show", letter)
    assert code == 0
    assert "invalid" in out
    assert "x.jsonl:1" in out
    assert r"\xff" in out
    assert "\x1b" not in out
    raw = subprocess.run(
        [sys.executable, "-m", "wirewatch", "dlq", "show", letter, "--raw"], capture_output=True, check=True
    )
    assert raw.stdout == value


def articles(broker: Broker) -> list[Article]:
    admin = broker.admin()
    messages = [message for partition in (0, 1) for message in admin.read(ARTICLES.name, partition, 0, 100)]
    admin.close()
    return [msgspec.json.decode(message.value, type=Article) for message in messages]


def test_a_replayed_dead_letter_is_published_with_the_same_article_id(command: Command, broker: Broker) -> None:
    bury(broker, b'{"title": "NATO meets", "text": "In Brussels.", "source": "me"}')
    letter = only_letter(command)
    code, out, _ = command("dlq", "replay", letter)
    assert code == 0
    (article,) = articles(broker)
    assert f"{letter}  published as article {article.id} at articles.v1" in out
    bury(broker, ARTICLES.encode(article), reason="worker-crash")
    assert command("dlq", "replay", "--all", "--reason", "worker-crash")[0] == 0
    assert [each.id for each in articles(broker)] == [article.id] * 2


def test_what_is_no_article_is_told_and_the_rest_is_published(command: Command, broker: Broker) -> None:
    bury(broker, b"{", b'{"title": "", "text": ""}', b'{"title": "Iran", "text": "Talks."}')
    code, out, _ = command("dlq", "replay", "--all")
    assert code == 1
    assert "still no article: undecodable" in out
    assert "still no article: empty" in out
    assert "1 published, 2 not" in out
    assert [article.title for article in articles(broker)] == ["Iran"]


def test_every_command_shows_examples_in_its_help(command: Command) -> None:
    for arguments in (
        ("alerts",),
        ("counters",),
        ("serve",),
        ("rules", "check"),
        ("dlq", "list"),
        ("dlq", "show"),
        ("dlq", "replay"),
    ):
        code, out, _ = command(*arguments, "--help")
        assert code == 0
        assert "Examples: `wirewatch" in " ".join(out.split())


def test_a_prefix_with_braces_would_break_the_layout_and_is_refused() -> None:
    from wirewatch.errors import UserError

    with pytest.raises(UserError, match="WIREWATCH_REDIS_PREFIX"):
        Keys("a{b}")
