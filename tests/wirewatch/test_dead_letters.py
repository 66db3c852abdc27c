"""Dead-letter headers: what is written can be read back, and nothing that is read can raise."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wirewatch.broker import Message
from wirewatch.dead_letters import DeadLetter, parse_headers, to_headers

LONGEST = 2**63 - 1
numbers = st.integers(0, LONGEST) | st.none()
texts = st.text(st.characters(exclude_categories=["Cs"]))
letters = st.builds(
    DeadLetter,
    reason=st.sampled_from(["empty", "invalid"]),
    detail=texts,
    stage=st.sampled_from(["publish", "actors"]),
    origin=texts | st.none(),
    topic=st.just("articles.v1") | st.none(),
    partition=numbers,
    offset=numbers,
    timestamp_ms=numbers,
    exception=texts | st.none(),
    attempts=st.integers(1, 9),
    version=st.just("0.1.0"),
)


def _message(headers: tuple[tuple[str, bytes], ...]) -> Message:
    return Message("articles.dlq.v1", 0, 0, 0, None, b"{", headers)


@given(letters)
def test_headers_read_back_as_they_were_written(letter: DeadLetter) -> None:
    assert parse_headers(_message(to_headers(letter))) == letter


@given(st.lists(st.tuples(st.sampled_from([f"dlq.{f}" for f in ("reason", "offset", "attempts")]), st.binary())))
def test_headers_of_any_writer_can_be_read(headers: list[tuple[str, bytes]]) -> None:
    assert parse_headers(_message(tuple(headers))).reason is not None


def test_a_name_that_is_no_unicode_still_makes_a_header() -> None:
    headers = to_headers(DeadLetter(reason="empty", origin="caf\udce9.txt:1"))
    assert parse_headers(_message(headers)).origin == "caf\\udce9.txt:1"


def test_the_time_stamp_of_the_rejected_message_has_the_name_that_the_contract_gives_it() -> None:
    assert ("dlq.timestamp", b"17") in to_headers(DeadLetter(reason="empty", timestamp_ms=17))
