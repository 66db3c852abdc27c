"""Who may publish over HTTP: bearer tokens, each of one source."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wirewatch.errors import UsageError, UserError
from wirewatch.settings import Settings
from wirewatch.token_entries import HASH, checked_digest, entries, hashed

ANY_SOURCE = "*"
"""In place of a source: the articles name their own."""

_SOURCE = r"[^\s,:#*][^,:#\x00-\x1f\x7f]{0,198}[^\s,:#]|[^\s,:#]"
_ENTRY = re.compile(rf"(?P<source>{_SOURCE}):{HASH}")
_SETTING = "WIREWATCH_INGEST_TOKENS"


@dataclass(frozen=True, slots=True)
class Token:
    """A token that may publish; only its hash is kept. ``source`` overrides what the articles say."""

    digest: bytes
    source: str | None

    @property
    def name(self) -> str:
        """Tells senders apart where they are counted; says nothing about the secret."""
        return self.source or self.digest.hex()[:12]


def entry(source: str, token: str) -> str:
    """What to put into the settings so that ``token`` may publish for ``source``; ``*`` for any source.

    Raises UsageError for a source that cannot stand there.
    """
    made = f"{source}:{hashed(token)}"
    if not _ENTRY.fullmatch(made):
        raise UsageError(f"{source!r} cannot be a source: 1 to 200 characters, without colon, comma, # or line break")
    return made


def configured_tokens(settings: Settings) -> tuple[Token, ...]:
    """Every token of the settings and of their file; several of one source are valid at once.

    Raises UserError that names the place, never the secret, for an entry of another form, a token from examples, or one
    token for two sources.
    """
    tokens: dict[bytes, Token] = {}
    for place, text in entries(_SETTING, settings.ingest_tokens.get_secret_value(), settings.ingest_tokens_file):
        token = _token(place, text)
        if tokens.setdefault(token.digest, token).source != token.source:
            raise UserError(f"{place} has the token of another source: make one for each with `wirewatch tokens new`")
    return tuple(tokens.values())


def _token(place: str, text: str) -> Token:
    match = _ENTRY.fullmatch(text)
    if match is None:
        # Not quoted: it may be a token, written down in full.
        raise UserError(
            f"{place} is not SOURCE:sha256:HASH: `wirewatch tokens new SOURCE` makes a token, and shows what to write"
        )
    return Token(checked_digest(place, match["hash"]), None if match["source"] == ANY_SOURCE else match["source"])
