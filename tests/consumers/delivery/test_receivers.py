"""The receivers file: what it may say, and where a mistake is; and that a change is taken up."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumers.delivery import receivers_in_use
from consumers.delivery.receivers import Receiver, Receivers, load_receivers
from consumers.delivery.receivers_in_use import ReceiversInUse
from tests.house.repository import ROOT
from wirewatch.errors import UserError
from wirewatch.settings import load

HOOK = "webhook: {url: https://desk.example/hook, secret_file: /run/secrets/desk}"
GOOD = f"receivers:\n  - id: desk\n    {HOOK}\n"


def test_the_shipped_file_has_no_receiver() -> None:
    assert load_receivers() == Receivers()


def test_its_examples_are_right_once_their_marks_are_off(tmp_path: Path) -> None:
    lines = (ROOT / "seeds" / "receivers.yaml").read_text().splitlines()
    first = lines.index("# receivers:")
    shown = [
        line[2:] for line in lines[first:] if line.startswith(("#   ", "# receivers:", "# inhibit:")) or line == "#"
    ]
    text = "\n".join(line for line in shown if not line.startswith("          "))
    path = tmp_path / "receivers.yaml"
    path.write_text(text)
    found = load_receivers(path)
    assert [receiver.id for receiver in found.receivers] == ["desk", "night-shift", "morning-mail"]
    assert len(found.inhibit) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("receivers: desk\n", ":1: receivers must be a list"),
        ("recievers: []\n", ':1: "recievers" is unknown'),
        ("- id: desk\n", ":1: a receivers file must be a map"),
        (f"receivers:\n  - id: Desk\n    {HOOK}\n", ":2: id: "),
        ("receivers:\n  - id: desk\n", ":2: a receiver needs either webhook or apprise"),
        (f"{GOOD}    apprise: {{url_file: /x}}\n", ":2: a receiver needs either webhook or apprise"),
        (f"{GOOD}    group_wait: 30\n", ":4: group_wait: "),
        (f"{GOOD}    group_wait: 1 minute\n", ":4: group_wait: "),
        (f"{GOOD}    group_by: [colour]\n", ":4: group_by: "),
        (f"{GOOD}    repeat_interval: 0s\n", ":2: repeat_interval must not be 0"),
        (f"{GOOD}    rate_per_minute: 0\n", ":4: rate_per_minute: "),
        (f"{GOOD}    when:\n      severity_min: loud\n", ":5: when.severity_min: "),
        (f"{GOOD}    when:\n      rule: x\n", ":5: Object contains unknown field `rule`"),
        (
            f"{GOOD}    quiet:\n      - from: '22:00'\n        to: '07:00'\n        zone: Europe/Nowhere\n",
            ":5: quiet: ",
        ),
        (f"{GOOD}    quiet:\n      - from: 22\n        to: '07:00'\n", ":5: quiet.from: "),
        (f"{GOOD}    digest: {{every: hour}}\n", ":4: digest.every: "),
        (f"{GOOD}  - id: desk\n    {HOOK}\n", ":4: there is a receiver 'desk' already"),
        ("receivers:\n  - id: desk\n    webhook: {url: ftp://x, secret_file: y}\n", ":3: webhook: url must begin"),
        ("receivers:\n  - id: desk\n    webhook: {secret_file: y}\n", ":3: webhook: a webhook needs either url"),
        ("receivers:\n  - id: desk\n    webhook: {url: https://x.example/}\n", ":3: "),
        ("inhibit:\n  - source: [severity=critical]\n    target: [colour=red]\n", ":2: 'colour=red' is no matcher"),
        ("inhibit:\n  - source: [severity=critical]\n", ":2: Object missing required field `target`"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "receivers.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        load_receivers(path)
    assert f"{path}{told}" in str(error.value)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.sampled_from(("5m", "iran", "22:00"))
)
FIELDS = st.sampled_from((*Receiver.__struct_fields__, "from", "to", "zone", "url", "secret_file", "source", "target"))
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4), max_leaves=12
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(receivers=st.lists(st.dictionaries(FIELDS, TREES, max_size=5), max_size=3), inhibit=TREES)
def test_any_file_is_read_or_refused_with_a_place(tmp_path: Path, receivers: object, inhibit: object) -> None:
    path = tmp_path / "receivers.yaml"
    path.write_text(json.dumps({"receivers": receivers, "inhibit": inhibit}), encoding="utf-8")
    told = f"{path}:1: "
    try:
        load_receivers(path)
    except UserError as error:
        told = str(error)
    assert told.startswith(f"{path}:")


def test_a_change_is_taken_up_and_a_mistake_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receivers_in_use, "_LOOK_SECONDS", 0.0)
    path = tmp_path / "receivers.yaml"
    path.write_text(GOOD)
    in_use = ReceiversInUse(load(receivers=path))
    assert [receiver.id for receiver in in_use.current().receivers] == ["desk"]
    path.write_text("receivers: [")
    assert [receiver.id for receiver in in_use.current().receivers] == ["desk"]
    newer = tmp_path / "newer.yaml"
    newer.write_text(GOOD.replace("id: desk", "id: other"))
    os.replace(newer, path)  # noqa: PTH105
    assert [receiver.id for receiver in in_use.current().receivers] == ["other"]
    path.unlink()
    assert [receiver.id for receiver in in_use.current().receivers] == ["other"]


def test_a_file_with_a_mistake_does_not_start(tmp_path: Path) -> None:
    path = tmp_path / "receivers.yaml"
    path.write_text("receivers: desk")
    with pytest.raises(UserError):
        ReceiversInUse(load(receivers=path))
