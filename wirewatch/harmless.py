"""Text from the net that is shown to people: nothing in it moves a cursor, hides itself or breaks a line. Pure."""

from __future__ import annotations

import unicodedata


def clean(text: str) -> str:
    """``text`` with every control, format and line-break character replaced by one that shows and does nothing."""
    return "".join(_harmless(character) for character in text)


def _harmless(character: str) -> str:
    category = unicodedata.category(character)
    if character in "\n\r\t" or category in ("Zl", "Zp"):
        return " "
    # Joiners (Cf too) shape Persian, Hindi and emoji; they neither move nor hide anything.
    if category in ("Cc", "Cs", "Cf") and character not in "\u200c\u200d":
        return "\ufffd"
    # U+FFFE and the like are no characters, and no XML may hold them.
    return "\ufffd" if ord(character) & 0xFFFE == 0xFFFE else character
