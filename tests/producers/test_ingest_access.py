"""Tokens for HTTP ingest: only hashes are kept, each is one source's, and replacing one needs no pause."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.ingest_access import configured_tokens, entry
from wirewatch.errors import UsageError, UserError
from wirewatch.example_secrets import is_example
from wirewatch.settings import load
from wirewatch.token_entries import TOKEN_PREFIX, find, new_token

A, B = new_token(), new_token()


def test_a_new_token_says_what_it_is_and_is_never_the_same() -> None:
    assert A.startswith(TOKEN_PREFIX)
    assert len({new_token() for _ in range(100)}) == 100


def test_two_tokens_of_a_source_are_valid_at_once_so_that_one_replaces_the_other() -> None:
    tokens = configured_tokens(load(ingest_tokens=f"{entry('anp', A)},{entry('anp', B)}"))
    for token in (A, B):
        found = find(tokens, f"Bearer {token}")
        assert found is not None
        assert found.source == "anp"
    after = configured_tokens(load(ingest_tokens=entry("anp", B)))
    assert find(after, f"Bearer {A}") is None


def test_tokens_also_come_from_a_file_with_comments(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# ours\n{entry('anp', A)}  # since May\n\n{entry('*', B)}\n")
    tokens = configured_tokens(load(ingest_tokens_file=file))
    assert [token.source for token in tokens] == ["anp", None]


@pytest.mark.parametrize(
    "text",
    [A, f"anp:{A}", f"anp=sha256:{A}", f"anp:sha256:{'0' * 63}", f":sha256:{'0' * 64}", f"a:b:sha256:{'0' * 64}"],
)
def test_what_is_no_hash_is_refused_by_its_place_and_never_repeated(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        configured_tokens(load(ingest_tokens=f"{entry('ok', B)},{text}"))
    assert "entry 2" in str(caught.value)
    assert A not in str(caught.value)
    file = tmp_path / "tokens"
    file.write_text(f"\n{text}\n")
    with pytest.raises(UserError) as caught:
        configured_tokens(load(ingest_tokens_file=file))
    assert f"{file}:2" in str(caught.value)
    assert A not in str(caught.value)


def test_one_token_is_not_of_two_sources() -> None:
    with pytest.raises(UserError, match="another source"):
        configured_tokens(load(ingest_tokens=f"{entry('anp', A)},{entry('afp', A)}"))


@pytest.mark.parametrize("token", ["changeme", "change-me", "token", "secret123", "YOURTOKEN"])
def test_a_token_from_examples_is_refused(token: str) -> None:
    made = f"anp:sha256:{hashlib.sha256(token.encode()).hexdigest()}"
    with pytest.raises(UserError, match="from examples"):
        configured_tokens(load(ingest_tokens=made))


@pytest.mark.parametrize("source", ["", "a:b", "a,b", "a\nb", "#a", " a", "a" * 201])
def test_a_source_that_the_settings_could_not_hold_is_refused(source: str) -> None:
    with pytest.raises(UsageError):
        entry(source, A)


@pytest.mark.parametrize(
    "header", [None, "", A, f"Basic {A}", f"Bearer {A}x", "Bearer ", f"Bearer {B}", "Bearer \ud800"]
)
def test_any_other_header_lets_nobody_in(header: str | None) -> None:
    assert find(configured_tokens(load(ingest_tokens=entry("anp", A))), header) is None


@given(st.text(max_size=60))
def test_no_guess_gets_in(guess: str) -> None:
    assert find(configured_tokens(load(ingest_tokens=entry("anp", A))), guess) is None
    assert find(configured_tokens(load(ingest_tokens=entry("anp", A))), f"Bearer {guess}") is None


@pytest.mark.parametrize(
    "password", ["changeme", "ChangeMe!", "p4ssw0rd", "password1", "secret", "wirewatch", "redis123"]
)
@pytest.mark.parametrize("setting", ["kafka_sasl_password", "redis_url"])
def test_nothing_starts_with_a_password_from_examples(setting: str, password: str) -> None:
    value = f"redis://:{password.replace('!', '%21')}@h:6379/0" if setting == "redis_url" else password
    with pytest.raises(UserError, match="examples") as caught:
        load(**{setting: value})
    assert password not in str(caught.value).replace("its password", "")


def test_a_random_password_is_no_example() -> None:
    assert not is_example("kT3-vv91-paste")
    assert load(redis_url="redis://:kT3-vv91-paste@h:6379/0")
