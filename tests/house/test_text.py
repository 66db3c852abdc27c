"""What may not stand in a file that others get: this machine's folders, a registry's host, a merge left over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.repository import ROOT, tracked

# Written in parts, so that this file does not name them either.
REGISTRIES = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "crates" + ".io", "proxy.golang" + ".org",
              "repo.maven" + ".apache", "repo1" + ".maven", "deb.debian" + ".org")  # fmt: skip
FORBIDDEN = {
    "a folder of one machine": re.compile(r"(?<![\w.:/-])/(?:home|root|Users|work|opt/wheels|tmp/w)/[\w.]"),
    "the host of a package registry": re.compile("|".join(map(re.escape, REGISTRIES))),
    "a merge left over": re.compile(r"^(?:<{7}|>{7}) ", flags=re.MULTILINE),
}


def _texts() -> dict[Path, str]:
    texts = {}
    for path in tracked():
        try:
            texts[path] = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return texts


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_no_file_holds(kind: str) -> None:
    found = {str(path): match[0] for path, text in _texts().items() if (match := FORBIDDEN[kind].search(text))}
    assert found == {}


def test_nothing_that_a_build_makes_is_tracked() -> None:
    made = {"__pycache__", ".venv", ".cache", ".data", "build", "dist", "secrets"}
    assert {str(path) for path in tracked() if made & set(path.parts)} == set()
