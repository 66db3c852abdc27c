"""Reading a watchlist: every mistake is one line that says where it is and how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.watchlist_file import check, load_watchlist, of_settings
from wirewatch.errors import UserError
from wirewatch.seeds import shipped
from wirewatch.settings import load

FOLDER = Path(__file__).parent.parent / "data" / "watchlist"
GOOD = FOLDER / "good.yaml"

UNKNOWN_EVIDENCE = (
    'evidence "luck" is unknown; use alias, compound, capitals, inside, lead,'
    " or one of before, after, near, anywhere with a cue set"
)
# File to line and message. One mistake each.
MISTAKES = {
    "a-list": (1, "a watchlist must be a map, with lines such as `name: value`"),
    "alias-is-a-number": (7, "alias 49 is no text; put quotes around it, or write a map with text"),
    "alias-short-but-not-ambiguous": (
        8,
        'alias "IS" is too short to stand alone; add `ambiguous: true` and its evidence',
    ),
    "alias-too-short": (6, "alias 'N' must be a text of two characters or more, without spaces around it"),
    "alias-with-unknown-key": (
        7,
        '"sort" is unknown in an alias; it has text, kind, case, endings, ambiguous, evidence',
    ),
    "aliases-no-list": (6, "aliases of nl must be a list, as in `nl: [NAVO]`"),
    "ambiguous-is-a-text": (7, "ambiguous must be true or false"),
    "bad-case": (7, "case is 'upper'; it must be one of folded, exact, capitalised"),
    "bad-id": (
        3,
        "id is 'Na to'; it must be lower-case letters, digits and single hyphens, as in islamic-state",
    ),
    "bad-kind": (
        5,
        "kind is 'club'; it must be one of organisation, country, armed-group, person, place, other",
    ),
    "bad-language": (6, '"dutch" is no language; use a two-letter code such as nl, or any'),
    "bad-mention-kind": (7, "kind is 'alias'; it must be one of name, derived, metonym"),
    "bad-wikidata": (5, "wikidata is 7184; it must be an item id such as Q7184"),
    "cue-is-a-number": (7, "80 in nl is no text; put quotes around it"),
    "cues-no-list": (7, "nl must be a list of texts"),
    "duplicate-key": (
        7,
        'not YAML: found duplicate key "name" with value "Nato" (original value: "NATO"); mend this line',
    ),
    "endings-no-list": (7, "endings must be a list of texts"),
    "evidence-of-a-safe-name": (7, "evidence counts only with `ambiguous: true`; add it, or drop evidence"),
    "evidence-unknown": (7, UNKNOWN_EVIDENCE),
    "evidence-without-its-cues": (7, 'evidence names the cue set "groups"; add it under cues of this actor'),
    "never-is-a-map": (7, "never must be a list of texts"),
    "no-actors": (2, "actors must be a list with at least one actor"),
    "no-aliases": (3, "aliases must map a language to a list of names, as in `nl: [NAVO]`"),
    "no-id": (3, "id is missing; it must be lower-case letters, digits and single hyphens, as in islamic-state"),
    "no-name": (3, "name is missing; it must be a name to show to people"),
    "no-version": (1, "version is missing or unknown; write `version: 1`"),
    "not-yaml": (3, "not YAML: expected the node content, but found '-'; mend this line"),
    "same-id-twice": (7, 'id "nato" is taken by line 3; choose another'),
    "unknown-actor-key": (
        5,
        '"alias" is unknown in an actor; it has id, name, kind, wikidata, aliases, cues, never',
    ),
    "unknown-top-key": (7, '"rules" is unknown in a watchlist; it has version, actors'),
    "wrong-version": (1, "version is missing or unknown; write `version: 1`"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_with_its_place_and_the_remedy(name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    line, message = MISTAKES[name]
    with pytest.raises(UserError) as caught:
        load_watchlist(path)
    assert str(caught.value) == f"{path}:{line}: {message}"


def test_every_file_of_mistakes_is_tested() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {*MISTAKES, "good"}


def test_check_lists_every_mistake_in_the_order_of_the_file_and_load_says_how_many_more(tmp_path: Path) -> None:
    path = tmp_path / "three.yaml"
    path.write_text(
        GOOD.read_text().replace("id: nato", "id: Nato").replace("nl: [NAVO]", "dutch: [NAVO]\n      nl: x")
    )
    watchlist, problems = check(path)
    assert watchlist is None
    assert [problem.split(":")[1] for problem in problems] == ["3", "6", "7"]
    with pytest.raises(UserError, match=r"\(and 2 more: wirewatch watchlist check .*three\.yaml\)$"):
        load_watchlist(path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b""])
def test_a_file_that_cannot_be_read_as_a_watchlist_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "odd.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"odd\.yaml"):
        load_watchlist(path)


def test_the_shipped_watchlist_has_the_three_actors_with_their_wikidata_ids() -> None:
    watchlist = of_settings(load(watchlist=None))
    assert {actor.id: actor.wikidata for actor in watchlist.actors} == {
        "nato": "Q7184",
        "iran": "Q794",
        "islamic-state": "Q2429253",
    }
    for actor in watchlist.actors:
        assert {"nl", "en", "fr", "de"} <= {alias.language for alias in actor.aliases} | {"fr", "de"}


def test_settings_choose_another_watchlist() -> None:
    assert [actor.id for actor in of_settings(load(watchlist=GOOD)).actors] == ["nato"]


def test_the_version_follows_the_content_and_not_comments_layout_or_order_of_actors(tmp_path: Path) -> None:
    first = load_watchlist(GOOD)
    copy = tmp_path / "copy.yaml"
    copy.write_text("# A comment.\n" + GOOD.read_text().replace("nl: [NAVO]", "nl:\n        - NAVO"))
    assert load_watchlist(copy).version == first.version
    copy.write_text(GOOD.read_text().replace("NAVO", "OTAN"))
    assert load_watchlist(copy).version != first.version


@given(
    place=st.integers(0, 30_000),
    length=st.integers(0, 40),
    instead=st.text(alphabet=st.characters(codec="utf-8"), max_size=10)
    | st.sampled_from(["\n- ", ": ", "[", "{a: 1}"]),
)
def test_no_damage_to_a_watchlist_gives_more_than_lines_of_problems(
    tmp_path_factory: pytest.TempPathFactory, place: int, length: int, instead: str
) -> None:
    text = GOOD.read_text(encoding="utf-8") + shipped("watchlist.yaml").read_text(encoding="utf-8")[2000:4000]
    path = tmp_path_factory.mktemp("damaged") / "list.yaml"
    place %= len(text)
    path.write_text(text[:place] + instead + text[place + length :], encoding="utf-8")
    watchlist, problems = check(path)
    assert (watchlist is None) == bool(problems)
    assert all(problem.startswith(str(path)) and "\n" not in problem for problem in problems)
