"""Splitting streams into lines."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from producers.lines import After, Line, split

lines = st.binary(max_size=12).map(lambda data: data.replace(b"\n", b"").replace(b"\r", b""))


@given(st.lists(lines), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_every_line_that_is_not_blank_comes_back_with_its_number(
    wanted: list[bytes], newline: bytes, ends_with_newline: bool
) -> None:
    data = newline.join(wanted) + (newline if ends_with_newline else b"")
    expected = [(n, line.strip()) for n, line in enumerate(wanted, 1) if line.strip()]
    if not wanted or not wanted[0].startswith(b"\xef\xbb\xbf"):
        assert [(line.number, line.data) for line in split(io.BytesIO(data), 100)] == expected


@given(st.binary(max_size=400), st.integers(1, 50))
def test_no_line_is_over_the_limit_and_the_numbers_are_those_of_an_editor(data: bytes, limit: int) -> None:
    found = list(split(io.BytesIO(data), limit))
    assert all(len(line.data) <= limit for line in found)
    for line in found:
        assert data.split(b"\n")[line.number - 1].removeprefix(b"\xef\xbb\xbf").strip().startswith(line.data.strip())


def test_a_line_over_the_limit_gives_its_start_and_the_next_line_is_whole() -> None:
    data = io.BytesIO(b"\xef\xbb\xbfabc\n" + b"x" * 200_000 + b"\ndef")
    assert list(split(data, 5)) == [Line(1, b"abc"), Line(2, b"xxxxx", cut=True), Line(3, b"def")]


@given(st.binary(max_size=60), st.binary(max_size=60), st.lists(st.integers(-1, 20), max_size=30), st.booleans())
def test_what_was_read_ahead_and_put_back_is_read_as_if_it_never_was(
    beginning: bytes, rest: bytes, sizes: list[int], by_line: bool
) -> None:
    stream, plain = After(beginning, io.BytesIO(rest)), io.BytesIO(beginning + rest)
    if by_line:
        assert [stream.readline(size) for size in sizes] == [plain.readline(size) for size in sizes]
    else:
        assert b"".join(iter(lambda: stream.read(7), b"")) == plain.read()
