"""Silences, acknowledgements, verdicts and receivers on the command line, over a real Redis."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from consumers.keys import Keys
from consumers.life.store import LifeStore
from tests.consumers.delivery.making import alert
from wirewatch.cli.main import run
from wirewatch.records import Alert
from wirewatch.redis_client import Client, connect

KEYS = Keys("ww")
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(redis_url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs `wirewatch …`; exit code, standard output, standard error."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("LOGNAME", "ann")

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


def feed(client: Client, *alerts: Alert) -> None:
    for each in alerts:
        place = client.xadd(KEYS.feed, {"id": each.id, "alert": msgspec.json.encode(each)})
        client.hset(KEYS.feed_ids, each.id, place)


def life(client: Client) -> LifeStore:
    return LifeStore(client, "ww")


def test_an_acknowledgement_carries_the_login_name_and_can_be_taken_back(command: Command, client: Client) -> None:
    feed(client, alert("a1", title="Head\x1b[31mline"))
    code, out, _ = command("acknowledge", "a1", "--comment", "calling")
    assert (code, out) == (0, "acknowledged by ann: Head\ufffd[31mline\n")
    (said,) = life(client).of([alert("a1")], datetime.now(UTC))
    assert said.acknowledged is not None
    assert (said.acknowledged.by, said.acknowledged.comment) == ("ann", "calling")
    assert command("acknowledge", "a1", "--withdraw")[0] == 0
    assert life(client).of([alert("a1")], datetime.now(UTC))[0].acknowledged is None
    assert "nobody" in command("acknowledge", "a1", "--withdraw")[1]


@pytest.mark.parametrize("arguments", [("acknowledge", "none"), ("verdict", "none", "true")])
def test_an_alert_that_is_not_kept_is_said_to_be_missing(command: Command, arguments: tuple[str, ...]) -> None:
    code, _, err = command(*arguments)
    assert code == 1
    assert "there is no alert 'none'" in err


def test_verdicts_make_the_precision_of_a_rule(command: Command, client: Client) -> None:
    feed(client, *(alert(f"a{n}") for n in range(3)), alert("b1", rule="other"))
    assert command("precision")[1].startswith("no verdicts yet")
    command("verdict", "a0", "true")
    command("verdict", "a1", "true", "--by", "Bob")
    code, out, _ = command("verdict", "a2", "false")
    assert (code, out) == (0, "false. The rule watched was right in 2 of 3 (67%)\n")
    assert "has no alert that was judged" in command("verdict", "b1", "unsure")[1]
    assert "100%" in command("verdict", "a2", "true")[1]  # in the place of the earlier one
    rows = [json.loads(line) for line in command("precision", "--json")[1].splitlines()]
    assert [(row["rule"], row["precision"]) for row in rows] == [("watched", 1.0), ("other", None)]
    assert "watched" in command("precision")[1]
    assert command("verdict", "a0", "maybe")[0] == 2
    assert command("verdict", "a0", "--withdraw")[1] == "The verdict is taken back.\n"
    assert command("verdict", "a0", "--withdraw")[1] == "There was no verdict.\n"
    assert command("verdict", "a0")[0] == command("verdict", "a0", "true", "--withdraw")[0] == 2


def test_a_silence_is_previewed_made_listed_and_ended(command: Command, client: Client) -> None:
    feed(client, alert("a1"), alert("a2", actors=("nato",)), alert("a3", story="s2", title="Third"))
    code, out, _ = command("silences", "preview", "actor=iran", "--since", "36500d")
    assert code == 0
    assert out.startswith("2 of 3 alerts, 2 stories")
    assert "Third" in out
    shown = json.loads(command("silences", "preview", "actor!=iran", "--json")[1])
    assert (shown["muted"], shown["rules"]) == (1, {"watched": 1})

    code, out, _ = command("silences", "add", "actor=iran", "source in Wire,Bote", "--for", "2h", "--json")
    made = json.loads(out)
    assert (code, made["author"]) == (0, "ann")
    listed = command("silences", "list")[1]
    assert made["id"] in listed
    assert "source in Wire,Bote" in listed
    (said,) = life(client).of([alert("a1")], datetime.now(UTC))
    assert said.silences == (made["id"],)
    assert command("silences", "expire", made["id"])[0] == 0
    assert command("silences", "list")[1].startswith("no silences")
    (line,) = command("silences", "list", "--expired", "--json")[1].splitlines()
    assert json.loads(line)["state"] == "expired"
    assert "of 3 alerts" in command("silences", "add", "rule=watched", "--for", "1h")[1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "actor=iran"), "either --for 2h or --until"),
        (("add", "actor=iran", "--for", "1h", "--until", "2099-01-01"), "either --for 2h or --until"),
        (("add", "actor=iran", "--until", "2001-01-01"), "must end in the future"),
        (("add", "actor=iran", "--until", "soon"), "--until: 'soon' is no time"),
        (("add", "colour=red", "--for", "1h"), "'colour=red' is no matcher"),
        (("add", "actor=iran", "--for", "long"), "'long' is no length of time"),
        (("preview",), "Missing argument"),
    ],
)
def test_what_is_no_silence_is_refused_in_one_line(command: Command, arguments: tuple[str, ...], told: str) -> None:
    code, _, err = command("silences", *arguments)
    assert code == 2
    assert told in err


def test_a_silence_that_does_not_exist_cannot_be_ended(command: Command) -> None:
    code, _, err = command("silences", "expire", "x")
    assert code == 1
    assert "there is no silence 'x'" in err


def test_receivers_are_shown_with_what_they_want(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "receivers.yaml"
    path.write_text(
        "receivers:\n"
        "  - id: desk\n"
        "    webhook: {url: https://desk.example/hook, secret_file: /nowhere/secret}\n"
        "    when: {severity_min: warning, actors: [iran]}\n"
        "    quiet: [{from: '22:00', to: '07:00', zone: Europe/Amsterdam}]\n"
        "inhibit:\n"
        "  - {source: [severity=critical], target: [severity=info]}\n"
    )
    code, out, _ = command("receivers", "check", str(path))
    assert code == 0
    for shown in ("desk", "warning or worse", "actors: iran", "quiet 22:00 to 07:00", "no file /nowhere/secret here"):
        assert shown in out
    assert "1 receivers, 1 inhibitions, no mistakes" in out
    assert json.loads(command("receivers", "check", str(path), "--json")[1])["id"] == "desk"
    assert "nobody is notified" in command("receivers", "check")[1]
    path.write_text("receivers:\n  - id: desk\n    group_wait: soon\n    apprise: {url_file: x}\n")
    code, _, err = command("receivers", "check", str(path))
    assert code == 1
    assert f"{path}:3: group_wait" in err
