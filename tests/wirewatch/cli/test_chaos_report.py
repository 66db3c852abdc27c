"""What went wrong on the way makes the verdict fail, also where every count is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wirewatch.chaos.campaign import Outcome
from wirewatch.chaos.members import Members
from wirewatch.chaos.plan import Fault
from wirewatch.cli.chaos_oracle import Verdict
from wirewatch.cli.chaos_report import conclude, show

_AWAY = (Fault("away", "redis", 600),)
_SHORTLY_AWAY = (Fault("away", "redis", 20),)

CASES: dict[str, tuple[Callable[[Outcome, Members], object], tuple[Fault, ...], str | None]] = {
    "nothing": (lambda _, __: None, (), None),
    "no recovery": (lambda outcome, _: outcome.stuck.append("no recovery"), (), "stuck"),
    "a process that ended by itself": (lambda _, members: members.ended_alone.append("relay"), (), "ended_alone"),
    "one that the watchdog ended": (lambda _, members: members.ended_by_watchdog.append("relay"), (), None),
    "a late stop": (lambda _, members: members.leaving.append(15.2), (), "stopped_late"),
    "a stop in time": (lambda _, members: members.leaving.append(14.8), (), None),
    "too much memory": (lambda _, members: members.memory_mib.update(relay=513), (), "memory_exceeded"),
    "enough memory": (lambda _, members: members.memory_mib.update(relay=512), (), None),
    "catching up slowly": (lambda outcome, _: setattr(outcome, "catch_up", 1.9), _AWAY, "caught_up_slowly"),
    "not catching up": (lambda _, __: None, _AWAY, "caught_up_slowly"),
    "catching up": (lambda outcome, _: setattr(outcome, "catch_up", 2.0), _AWAY, None),
    "an outage too short to tell": (lambda outcome, _: setattr(outcome, "catch_up", 0.5), _SHORTLY_AWAY, None),
}


@pytest.mark.parametrize("case", CASES)
def test_what_went_wrong_on_the_way_fails_the_verdict(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    happen, faults, violation = CASES[case]
    outcome, members = Outcome(), Members({}, tmp_path, seed=1)
    happen(outcome, members)
    report = conclude(outcome, Verdict(), members, faults)
    assert [name for name, number in report.verdict.violations.items() if number] == ([violation] if violation else [])
    assert report.holds == (violation is None)
    show(report)
    assert ("it fails" in capsys.readouterr().out) == (not report.holds)


def test_recovery_is_told_by_kind_of_fault_as_median_and_worst(tmp_path: Path) -> None:
    outcome = Outcome(recovery={"kill relay": [1.0, 9.0, 2.0]})
    assert conclude(outcome, Verdict(), Members({}, tmp_path, seed=1), ()).recovery_seconds == {
        "kill relay": (2.0, 9.0)
    }
