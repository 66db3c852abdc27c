"""Volume rules in a rules file: what may stand there, and what is told of mistakes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from consumers.delivery.quiet import Quiet
from consumers.rule_file import load_rules, rules_of_text
from consumers.volume.model import Chosen, NewPair, SilentSource, Spike, names_of_source, version
from wirewatch.errors import UserError

RULE = "rules:\n  - {id: a, severity: info}\n"
SPIKE = RULE + "volume:\n  - id: s\n    kind: spike\n    severity: info\n"


def test_the_shipped_file_has_one_rule_of_each_kind() -> None:
    assert [type(rule) for rule in load_rules(actors=["islamic-state"]).volume] == [Spike, NewPair, SilentSource]


def test_a_file_may_set_every_field() -> None:
    text = SPIKE + (
        "    enabled: false\n    quiet: [{from: '23:00', to: '07:00', zone: Europe/Amsterdam}]\n"
        "    actors: {any: [nato], none: [iran]}\n    hours: 3\n    baseline_days: 7\n    at_least: 5\n    times: 2.5\n"
        "    significance: 1.0e-6\n    clear_share: 0.4\n"
        "  - {id: p, kind: new-pair, severity: info, days: 60, at_least: 1}\n"
        "  - {id: q, kind: silent-source, severity: info, sources: {none: [x.example]}, hours: 12, history_days: 14}\n"
    )
    spike, pair, source = rules_of_text(text, "f", ["nato", "iran"]).volume
    assert spike == Spike(
        id="s",
        severity="info",
        enabled=False,
        quiet=(Quiet(from_="23:00", to="07:00", zone="Europe/Amsterdam"),),
        actors=Chosen(any=("nato",), none=("iran",)),
        hours=3,
        baseline_days=7,
        at_least=5,
        times=2.5,
        significance=1e-6,
        clear_share=0.4,
    )
    assert (pair.days, source.history_days) == (60, 14)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RULE + "volume: spike\n", "3: volume must be a list"),
        (RULE + "volume: [spike]\n", "3: a volume rule must be a map"),
        (RULE + "volume:\n  - id: s\n    severity: info\n", "4: kind is missing; use spike, new-pair or silent-source"),
        (SPIKE.replace("kind: spike", "kind: peak"), "5: kind is 'peak'; use spike, new-pair or silent-source"),
        (SPIKE.replace("kind: spike", "kind: [spike]"), "5: kind is ['spike']; use spike, new-pair or silent-source"),
        (SPIKE.replace("id: s", "id: a"), "4: there is a rule 'a' already; give this one a new id"),
        (SPIKE + "  - {id: s, kind: new-pair, severity: info}\n", "7: there is a rule 's' already"),
        (SPIKE + "    hours: 0\n", "7: hours: Expected `int` >= 1; use a whole number of hours"),
        (SPIKE + "    days: 3\n", "7: Object contains unknown field `days`"),
        (SPIKE + "    significance: 0.5\n", "7: significance: Expected `float` <= 0.05; use a small number"),
        (SPIKE + "    actors:\n      any: [mars]\n", "8: the watchlist has no actor 'mars'; it has iran, nato"),
        (
            SPIKE + "    quiet: [{from: '23:00', to: '07:00', zone: Mars/Base}]\n",
            "7: quiet",
        ),
    ],
)
def test_a_mistake_in_the_list_of_volume_rules_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(UserError) as told:
        rules_of_text(text, "f", ["nato", "iran"])
    assert str(told.value).startswith(f"f:{message}")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "changes", [{"summary": "x"}, {"enabled": False}, {"quiet": (Quiet(from_="23:00", to="07:00", zone="UTC"),)}]
)
def test_a_rule_stays_the_same_version_while_it_means_the_same(changes: dict[str, Any]) -> None:
    rule = Spike(id="s", severity="info")
    assert version(msgspec.structs.replace(rule, **changes)) == version(rule)


def test_a_rule_that_means_something_else_has_another_version() -> None:
    rules = [
        Spike(id="s", severity="info"),
        Spike(id="s", severity="info", times=4),
        Spike(id="s", severity="warning"),
        NewPair(id="s", severity="info"),
        SilentSource(id="s", severity="info"),
    ]
    assert len({version(rule) for rule in rules}) == len(rules)


@pytest.mark.parametrize(
    ("chosen", "source", "taken"),
    [
        (Chosen(), "Wire", True),
        (Chosen(any=("wire",)), "Wire", True),
        (Chosen(any=("wire",)), "Bote", False),
        (Chosen(none=("Wire",)), "wire", False),
        (Chosen(any=("example.org",)), "feeds.example.org", True),
        (Chosen(any=("example.org",)), "badexample.org", False),
        (Chosen(any=("org",)), "example.org", False),
        (Chosen(any=("example.org",), none=("feeds.example.org",)), "feeds.example.org", False),
    ],
)
def test_a_source_is_chosen_by_name_or_by_a_domain_above_it(chosen: Chosen, source: str, taken: bool) -> None:
    assert chosen.takes(*names_of_source(source)) is taken
