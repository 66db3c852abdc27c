"""Articles for the page: several scripts and directions, one story from several sources, and hostile ones."""

from __future__ import annotations

import json
import random
from typing import Any

from wirewatch.seeds import shipped

_SYLLABLES = (
    "ba",
    "ke",
    "li",
    "mo",
    "nu",
    "ra",
    "se",
    "ti",
    "vo",
    "zu",
    "dra",
    "fle",
    "gri",
    "plo",
    "stu",
    "chen",
    "tor",
)
HOSTILE_TITLE = "NATO <img src=x onerror=alert(1)><script>alert(2)</script> \u202egnp.exe\u202c in Brussels"
ASTRAL_TITLE = "🚀🇮🇷 𝔸 Iran en de NAVO praten 👩‍👩‍👧 in Wenen"

ODD: tuple[dict[str, Any], ...] = (
    {
        "source": "Evil <b>Wire</b>",
        "title": HOSTILE_TITLE,
        "text": "NATO said so in Brussels. The alliance </p><script>alert(3)</script> met.",
        "url": "https://evil.example/?q=<script>alert(4)</script>",
        "language": "en",
    },
    {
        "source": "De Proef",
        "title": ASTRAL_TITLE,
        "text": "De gesprekken met Iran duren voort. De NAVO wacht af.",
        "url": "https://proef.example/wenen",
        "language": "nl",
    },
    {
        "source": "وكالة النموذج",
        "title": "أمين عام الناتو يزور طوكيو لبحث الدفاع السيبراني",
        "text": "وصل الأمين العام لحلف شمال الأطلسي إلى اليابان مساء الاثنين. وانتقدت إيران الزيارة.",
        "url": "https://wikala.example/tokyo",
        "language": "ar",
    },
    {
        "source": "見本新聞",
        "title": "NATO事務総長が来日、サイバー防衛で協力 イランは反発",
        "text": "北大西洋条約機構（NATO）の事務総長が月曜日に東京へ到着した。イラン外務省は訪問を批判した。",
        "url": "https://mihon.example/tokyo",
        "language": "ja",
    },
)


def samples() -> list[dict[str, Any]]:
    """The samples that ship in several languages."""
    folder = shipped("articles")
    names = ("world/middle-east-and-asia", "world/romance-languages", "nl/navo-missie-irak", "en/iraq-january-2020")
    return [json.loads(line) for name in names for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines()]


def numbered(count: int, topic: str) -> list[dict[str, Any]]:
    """So many articles about actors in turn, made of words of their own, so that no two are one story."""
    return [_numbered(n, topic) for n in range(count)]


def _numbered(n: int, topic: str) -> dict[str, Any]:
    chance = random.Random(f"{topic} {n}")
    words = ["".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))) for _ in range(40)]
    name = ("NATO", "Iran", "Islamic State")[n % 3]
    return {
        "source": f"Wire {n % 17}",
        "title": f"{name} {topic} {' '.join(words[:4])} number {n}",
        "text": f"{name} {' '.join(words[4:20])}. {' '.join(words[20:]).capitalize()}.",
        "url": f"https://wire{n % 17}.example/{topic}/{n}",
        "language": "en",
    }
