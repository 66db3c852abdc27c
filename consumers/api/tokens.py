"""API tokens in the settings: whose each is, and what it may do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from wirewatch.errors import UsageError, UserError
from wirewatch.settings import Settings
from wirewatch.token_entries import HASH, checked_digest, entries, hashed

Role = Literal["read", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
NAME_CHARS_MAX = 64

_NAME = rf"[^\W_][\w.@+-]{{0,{NAME_CHARS_MAX - 1}}}"
_ENTRY = re.compile(rf"(?P<name>{_NAME}):(?P<role>{'|'.join(ROLES)}):{HASH}")
_SETTING = "WIREWATCH_API_TOKENS"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token of which only the hash is kept. ``name`` says who did what is done with it."""

    digest: bytes
    name: str
    role: Role


def entry(name: str, role: Role, token: str) -> str:
    """What to put into the settings so that ``token`` lets ``name`` in.

    Raises UsageError for a name of another form.
    """
    made = f"{name}:{role}:{hashed(token)}"
    if not _ENTRY.fullmatch(made):
        says = f"1 to {NAME_CHARS_MAX} letters, digits and . @ + - _, the first a letter or digit"
        raise UsageError(f"{name!r} cannot be a name: {says}")
    return made


def configured(settings: Settings) -> tuple[ApiToken, ...]:
    """Every API token of the settings and of their file; several of one name are valid at once.

    Raises UserError that names the place, never the secret, for an entry of another form, a token from examples, or one
    token for two names or roles.
    """
    tokens: dict[bytes, ApiToken] = {}
    for place, text in entries(_SETTING, settings.api_tokens.get_secret_value(), settings.api_tokens_file):
        match = _ENTRY.fullmatch(text)
        if match is None:
            # Not quoted: it may be a token, written down in full.
            advice = "`wirewatch tokens new NAME --role read` makes a token, and shows what to write"
            raise UserError(f"{place} is not NAME:ROLE:sha256:HASH with a role of {' or '.join(ROLES)}: {advice}")
        role: Role = "admin" if match["role"] == "admin" else "read"
        token = ApiToken(checked_digest(place, match["hash"]), match["name"], role)
        if tokens.setdefault(token.digest, token) != token:
            raise UserError(f"{place} has the token of another entry: make one for each with `wirewatch tokens new`")
    return tuple(tokens.values())
