"""Which language a text is in. The one module that knows the detector."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import eldc

# Restricting the detector to the languages that the watchlist serves is its largest gain.
_SERVED = "nl en fr de es it pt sv da no fi pl cs ro tr ru uk bg ar fa he zh ja ko hi id el"
SERVED = tuple(_SERVED.split())
_TO_DETECTOR = {"id": "ms"}
_FROM_DETECTOR = {"ms": "id"}
_SAME_LANGUAGE = {"nb": "no", "nn": "no", "ms": "id", "in": "id", "iw": "he"}
SCORES_MAX = 20
DETECTED_CHARS_MAX = 1_000
# A text of so many characters is judged by itself; the declaration matters for what is shorter.
LONG_CHARS_MIN = 120
# How far the declared language may lie behind the best guess in a short text, and still be believed.
HINT_MARGIN = 0.25
# The detector calls few short texts reliable; one guess so good and so far ahead of the next is.
CLEAR_SCORE_MIN = 0.85
CLEAR_LEAD_MIN = 0.3


class Detected(NamedTuple):
    """``language`` is a BCP 47 primary subtag, None for undetermined; ``confidence`` lies in 0..1."""

    language: str | None
    confidence: float


def detect(text: str, declared: str | None = None) -> Detected:
    """The language of ``text``, of which the first 1,000 characters are looked at. Total and deterministic.

    ``declared`` is what the source says: a hint, which decides for short or doubtful texts and for languages that are
    not served. Language None where nothing decides.
    """
    hint = _primary(declared)
    scores, reliable = _scores(text[:DETECTED_CHARS_MAX])
    best = max(scores, key=lambda language: scores[language], default=None)
    if hint is not None and hint not in SERVED:
        return Detected(hint, 0.5)
    if best is None:
        return Detected(hint, 0.5 if hint else 0.0)
    behind = scores[best] - scores.get(hint, 0.0) if hint else 1.0
    if hint and (not reliable or (len(text) < LONG_CHARS_MIN and behind <= HINT_MARGIN)):
        return Detected(hint, max(0.5, scores.get(hint, 0.0)))
    return Detected(best, scores[best]) if reliable else Detected(None, scores[best])


def _primary(declared: str | None) -> str | None:
    """``nl-BE`` to ``nl``; None where it cannot be a language tag."""
    subtag = (declared or "").strip().lower().replace("_", "-").split("-")[0]
    if not (2 <= len(subtag) <= 3 and subtag.isascii() and subtag.isalpha()) or subtag == "und":
        return None
    return _SAME_LANGUAGE.get(subtag, subtag)


def _scores(text: str) -> tuple[dict[str, float], bool]:
    """Per language how well it fits, and whether the best can be relied on."""
    # The detector takes C strings in UTF-8: no lone surrogates, and nothing after a zero byte.
    clean = text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
    found = _detector().detect_details(clean.replace("\0", " "))
    scores = {_FROM_DETECTOR.get(code, code): float(score) for code, score in found.scores.items()}
    best, second = [*sorted(scores.values(), reverse=True), 0.0, 0.0][:2]
    return scores, bool(found.reliable) or (best >= CLEAR_SCORE_MIN and best - second >= CLEAR_LEAD_MIN)


@cache
def _detector() -> Any:
    eldc.init()
    detector = eldc.instance()
    detector.set_languages([_TO_DETECTOR.get(language, language) for language in SERVED])
    detector.set_scores(SCORES_MAX)
    return detector
