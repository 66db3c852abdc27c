"""Passwords and tokens that stand in documents and defaults everywhere: whoever uses one has not chosen a secret."""

from __future__ import annotations

import re

# fmt: off
_WORDS = frozenset([
    "", "abc", "admin", "administrator", "alerts", "apitoken", "bitnami", "broker", "change", "changeit", "changeme",
    "changethis", "confluent", "default", "demo", "dummy", "example", "examplepassword", "examplesecret",
    "exampletoken",
    "fixme", "foo", "foobar", "foobared", "guest", "ingest", "kafka", "letmein", "local", "master", "mypassword",
    "mysecret", "mytoken", "none", "null", "pass", "passw", "passwd", "password", "placeholder", "qwerty", "redacted",
    "redis", "replaceme", "root", "s3cret", "sample", "secret", "secretpassword", "secrettoken", "supersecret", "test",
    "testing", "todo", "token", "topsecret", "user", "valkey", "welcome", "wirewatch", "xxx", "yourpassword",
    "yoursecret", "yourtoken",
])
# fmt: on
_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]+")
_LEET = str.maketrans("01345@$", "oieasas")


def is_example(secret: str) -> bool:
    """True for the usual placeholders, however written: ``ChangeMe!``, ``pass-word1``, ``p4ssw0rd``, ``12345678``.

    Says nothing about how strong any other secret is. The empty one is an example too.
    """
    word = secret.casefold()
    return any(_bare(spelling) in _WORDS for spelling in (word, word.translate(_LEET)))


def _bare(word: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", word).rstrip("0123456789")


def spellings() -> frozenset[str]:
    """The placeholders in their usual spellings, for comparing hashes of secrets that are not kept themselves."""
    words = _WORDS | {word.capitalize() for word in _WORDS} | {word.upper() for word in _WORDS}
    endings = ("", "1", "12", "123", "1234", "12345", "123456", "!", "1!", "123!")
    return frozenset(word + ending for word in words for ending in endings) | {"change-me", "change_me", "CHANGE_ME"}
