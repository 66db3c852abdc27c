"""What takes long is done for one at a time, and ended when it takes too long."""

from __future__ import annotations

import threading

import pytest

from consumers.api.answers import RefusedError
from consumers.api.checking_apart import TOO_LONG, mistakes
from consumers.api.turns import Turns

RULES = "rules:\n  - id: alliance\n    severity: warning\n    actors: {any: [nato]}\n"


def test_while_one_is_at_it_others_are_refused_and_afterwards_let_in() -> None:
    turns = Turns(wait_seconds_max=0.01)
    with turns.turn(), pytest.raises(RefusedError) as caught, turns.turn():
        pass
    assert (caught.value.status, caught.value.refusal.reason) == (429, "busy")
    with turns.turn():
        pass


def test_who_comes_when_enough_wait_is_refused_at_once() -> None:
    turns = Turns(wait_seconds_max=30, waiting_max=0)
    with turns.turn(), pytest.raises(RefusedError), turns.turn():
        pass


def test_who_waits_gets_a_turn() -> None:
    turns, waited = Turns(wait_seconds_max=30), threading.Event()

    def second() -> None:
        with turns.turn():
            waited.set()

    thread = threading.Thread(target=second)
    with turns.turn():
        thread.start()
        assert not waited.is_set()
    assert waited.wait(30)
    thread.join(30)


def test_a_text_without_mistakes_has_none_and_others_are_told_with_their_line() -> None:
    assert mistakes(RULES, "rules", ["nato"]) == ""
    assert mistakes(RULES, "rules", ["iran"]).startswith("rules:4: ")


def test_a_text_that_would_keep_the_parser_busy_for_ever_is_ended() -> None:
    assert mistakes("? " * 40, "rules", ["nato"], seconds_max=2) == f"rules: {TOO_LONG}"
