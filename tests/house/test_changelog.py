"""CHANGELOG.md keeps the shape of keepachangelog.com, and DECISIONS.md its own."""

from __future__ import annotations

import re
from datetime import date

from tests.house.repository import read
from wirewatch import __version__

KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_changelog_has_dated_versions_newest_first_and_known_kinds() -> None:
    text = read("CHANGELOG.md")
    assert text.startswith("# Changelog\n")
    versions = re.findall(r"^## \[([^\]]+)\](?: - (\S+))?$", text, flags=re.MULTILINE)
    assert len(versions) == len(re.findall(r"^## ", text, flags=re.MULTILINE))
    assert versions[0][0] == "Unreleased"
    dates = [date.fromisoformat(when) for _, when in versions[1:]]
    assert dates == sorted(dates, reverse=True)
    assert set(re.findall(r"^### (.+)$", text, flags=re.MULTILINE)) <= KINDS


def test_the_version_is_the_same_everywhere() -> None:
    assert f'\nversion = "{__version__}"\n' in read("pyproject.toml")
    assert f'image.version="{__version__}"' in read("Dockerfile")


def test_decisions_are_dated_and_say_what_would_change_our_mind() -> None:
    _, *entries = re.split(r"^## ", read("DECISIONS.md"), flags=re.MULTILINE)
    assert entries
    for entry in entries:
        title, _, text = entry.partition("\n")
        when, dash, what = title.partition(" — ")
        assert date.fromisoformat(when)
        assert dash
        assert what
        assert "change our mind" in text, title
