"""Bytes to text, for input that does not say, or lies about, how it is encoded."""

from __future__ import annotations

import codecs

from charset_normalizer import from_bytes

GUESS_BYTES_MAX = 65_536
# Longest first: the mark of UTF-32 starts with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def to_text(data: bytes, declared: str | None = None) -> str:
    """The text of ``data``; never raises, what cannot be read becomes U+FFFD.

    A byte order mark decides, then UTF-8 where the bytes are valid UTF-8, then the ``declared`` charset, then a guess
    from the bytes, then Windows-1252. UTF-8 goes before what is declared since no other text looks like it by chance.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    for charset in ("utf-8", declared):
        text = _strictly(data, charset) if charset else None
        if text is not None:
            return text
    guess = from_bytes(data[:GUESS_BYTES_MAX]).best()
    return data.decode(guess.encoding if guess else "cp1252", "replace")


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        # UTF-7 hides markup from every check that looks at bytes; nobody writes it.
        return None if codecs.lookup(encoding).name == "utf-7" else data.decode(encoding)
    except (LookupError, UnicodeError):
        return None
