"""Members are real processes: only what lives is killed, what dies is started again, and an end of its own is noted."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wirewatch.broker_driving import until
from wirewatch.chaos.members import Members

_SLEEPER = ("http.server", "0", "--bind", "127.0.0.1")


@pytest.fixture
def members(tmp_path: Path) -> Iterator[Members]:
    members = Members(os.environ, tmp_path, seed=1)
    yield members
    members.stop()


def test_a_kill_ends_one_that_lives_and_it_is_started_again(members: Members) -> None:
    member = members.start("stage", _SLEEPER)
    first = member.process.pid
    assert members.kill("stage")
    assert not members.kill("stage"), "it is dead already"
    until(lambda: bool(members.living("stage")), members.tend)
    assert member.process.pid != first
    assert not members.ended_alone


def test_who_ends_by_himself_is_noted_with_his_last_words(members: Members) -> None:
    members.start("stage", ("no_such_module",))
    until(lambda: bool(members.ended_alone), members.tend)
    assert "No module named no_such_module" in members.ended_alone[0]


def test_who_is_killed_by_others_is_noted(members: Members) -> None:
    member = members.start("stage", _SLEEPER)
    os.kill(member.process.pid, signal.SIGKILL)
    until(lambda: bool(members.ended_alone), members.tend)
    assert "ended by itself with -9" in members.ended_alone[0]


def test_who_is_dismissed_is_not_started_again(members: Members) -> None:
    member = members.start("stage", _SLEEPER)
    asked = members.dismiss(member)
    until(lambda: not member.lives, members.tend)
    members.ended(member, asked)
    members.tend()
    assert not members.of("stage")
    assert len(members.leaving) == 1
    assert not members.ended_alone


def test_a_process_without_children_has_no_worker_to_kill(members: Members) -> None:
    members.start("entities", _SLEEPER)
    assert not members.kill("entities worker")
