"""What may be joined to a name without a sign between, per language. Data: nothing here knows of an actor.

``endings``: case endings and the like, which leave it a name (Natossa, Irans). ``heads``: beginnings of the second
half of a compound written as one word (Natochefen). ``prefixes``: what stands before (Arabic "and", "to", "the").
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Affixes:
    """Of one language, or of several taken together; folded text."""

    endings: frozenset[str] = frozenset()
    heads: tuple[str, ...] = ()
    prefixes: frozenset[str] = frozenset()


def _affixes(endings: str = "", heads: str = "", prefixes: str = "") -> Affixes:
    return Affixes(frozenset(endings.split()), tuple(heads.split()), frozenset(prefixes.split()))


_NORDIC_HEADS = (
    "land länd medlem chef sjef topp avtal avtale aftale styrk trupp soldat general base bas övning øvels insats"
    " politik politikk krig missil atom sanktion sanksjon ansök søknad process toppm topmøde kilde källa"
)
_ARABIC_LETTERS = ("", "و", "ف")
_ARABIC_PREFIXES = " ".join(
    a + b for a in _ARABIC_LETTERS for b in ("", "ال", "ل", "لل", "ب", "بال", "ك", "كال") if a + b
)
_HEBREW_PREFIXES = " ".join(a + b for a in ("", "ו", "ש", "וש") for b in ("", "ה", "ל", "ב", "מ", "כ", "מה") if a + b)

AFFIXES: dict[str, Affixes] = {
    "ar": _affixes(prefixes=_ARABIC_PREFIXES),
    "da": _affixes("s", _NORDIC_HEADS),
    "de": _affixes(
        "s", "gipfel chef land länder staat mitglied general soldat krieg politik deal abkommen konflikt krise"
    ),
    "fa": _affixes("ها هاي ي"),
    "fi": _affixes("n a in ia ssa issa sta ista on iin lla illa lta ilta lle ille na ina ksi iksi lainen"),
    "he": _affixes(prefixes=_HEBREW_PREFIXES),
    "id": _affixes("nya"),
    "ko": _affixes(
        "은 는 이 가 을 를 의 에 에서 에게 와 과 도 만 로 으로 측 군 산 발 핵 내 대 전 및 까지 부터 이나 이라고"
    ),
    "nl": _affixes("s", "deal akkoord kenner oorlog kwestie top baas chef land landen lidmaatschap missie bondgenoot"),
    "no": _affixes("s", _NORDIC_HEADS),
    "sv": _affixes("s", _NORDIC_HEADS),
    "tr": _affixes("in a da dan la li lilar liler ya yla nun ya da dan nin"),
}
# Before a name with a hyphen, these make a compound (anti-IS-coalitie); other words only stand beside it (US-Iran).
_HYPHEN_PREFIXES = "anti anty pro pró ex non niet nicht não no pré pre post oud icke ikke filo contra про анти экс"
HYPHEN_PREFIXES = frozenset(_HYPHEN_PREFIXES.split())
# The same, written together with the name: proiraniano.
SOLID_PREFIXES = frozenset({"anti", "anty", "pro", "filo", "про", "анти"})
# Languages whose compounds have a capital in the second half, so that "Nato-Gipfel" is one as "NAVO-top" is.
CAPITALISES_HEADS = frozenset({"de"})


def affixes_of(languages: Iterable[str]) -> Affixes:
    """The affixes of several languages together; those of all languages where none is named."""
    named = list(languages) or list(AFFIXES)
    chosen = [AFFIXES[language] for language in named if language in AFFIXES]
    return Affixes(
        endings=frozenset().union(*(one.endings for one in chosen)),
        heads=tuple(head for one in chosen for head in one.heads),
        prefixes=frozenset().union(*(one.prefixes for one in chosen)),
    )
