"""IPTC ninjs, news in JSON as agencies send it, versions 1.x to 3.x, to raw articles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from producers.accept import RawArticle, clean_text
from producers.identity import web_address
from producers.markup import to_text
from wirewatch.errors import Rejected

_MARKUP_TYPES = frozenset({"text/html", "application/xhtml+xml", "text/xml", "application/xml"})
# 1.x puts purpose and format into the name of the property, 2.x and later into fields of their own.
_MARKUP_NAMES = ("xhtml", "html", "richtext")
_MAIN = "main"
_UNUSABLE = frozenset({"withheld", "canceled", "cancelled"})


class _Part(msgspec.Struct):
    """An element of ``headlines``, ``descriptions`` or ``bodies`` of 2.x and later."""

    value: str
    role: str | None = None
    contenttype: str | None = None
    content_type: str | None = msgspec.field(default=None, name="contentType")


class _Item(msgspec.Struct):
    """What we read of an item. 3.x spells in camelCase what 1.x and 2.x spell in lower case."""

    uri: str
    type: str | None = None
    language: str | None = None
    pubstatus: str | None = None
    pub_status: str | None = msgspec.field(default=None, name="pubStatus")
    firstcreated: str | None = None
    first_created: str | None = msgspec.field(default=None, name="firstCreated")
    versioncreated: str | None = None
    version_created: str | None = msgspec.field(default=None, name="versionCreated")
    embargoed: str | None = None
    copyrightholder: str | None = None
    copyright_holder: str | None = msgspec.field(default=None, name="copyrightHolder")
    byline: str | None = None
    by: str | None = None
    headline: str | None = None
    headlines: list[_Part] = []
    descriptions: list[_Part] = []
    bodies: list[_Part] = []


class _Signs(msgspec.Struct):
    """The properties that tell an item from our own form of an article."""

    uri: str | None = None
    title: msgspec.Raw | None = None
    text: msgspec.Raw | None = None


def is_ninjs(data: bytes) -> bool:
    """Whether a JSON object is a ninjs item: it has its one required property, ``uri``, and is not our own form."""
    if b'"uri"' not in data:
        return False
    try:
        signs = msgspec.json.decode(data, type=_Signs)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return signs.uri is not None and signs.title is None and signs.text is None


def ninjs(data: bytes) -> RawArticle:
    """The raw article in one item.

    The URL is the item's ``uri`` where that is a web address. Published is when the first version was created, else
    this one, or when its embargo ends. Of several headlines, descriptions or bodies the one for ``main`` is taken, and
    a plain text before markup. Raises Rejected: ``undecodable``, ``invalid``, ``withheld`` (the sender says that it is
    not, or no longer, to be used).
    """
    try:
        item = msgspec.json.decode(data, type=_Item)
        properties = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError as error:
        raise Rejected("invalid", f"not as ninjs has it: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected("undecodable", f"not JSON: {error}") from error
    status = item.pubstatus or item.pub_status or ""
    if status.lower() in _UNUSABLE:
        raise Rejected("withheld", f"its publication status is {status}")
    summary = _chosen([*item.descriptions, *_patterned(properties, "description_")])
    byline = item.by or item.byline
    return RawArticle(
        url=_address(item.uri),
        source=item.copyrightholder or item.copyright_holder,
        title=to_text(item.headline or _chosen([*item.headlines, *_patterned(properties, "headline_")])),
        summary=summary,
        text=_chosen([*item.bodies, *_patterned(properties, "body_")]),
        language=item.language,
        authors=(byline,) if byline else None,
        published=item.embargoed
        or item.firstcreated
        or item.first_created
        or item.versioncreated
        or item.version_created,
    )


def _patterned(properties: Mapping[str, msgspec.Raw], prefix: str) -> Iterable[_Part]:
    """The properties of 1.x with that prefix, such as ``body_text``, as if they were written in the later form."""
    for name, raw in properties.items():
        if name.startswith(prefix):
            value = msgspec.json.decode(raw)
            if isinstance(value, str):
                yield _Part(value=value, role=name.removeprefix(prefix))


def _chosen(parts: list[_Part]) -> str:
    """The text of the best part; the first of equals, as senders put the important one first."""
    filled = [part for part in parts if clean_text(part.value)]
    if not filled:
        return ""
    best = min(filled, key=lambda part: (_MAIN not in _role(part), _is_markup(part)))
    return to_text(best.value)


def _role(part: _Part) -> str:
    return (part.role or "").lower()


def _is_markup(part: _Part) -> bool:
    declared = (part.contenttype or part.content_type or "").partition(";")[0].strip().lower()
    return declared in _MARKUP_TYPES or any(name in _role(part) for name in _MARKUP_NAMES)


def _address(uri: str) -> str | None:
    """None for the URNs that most agencies use: they lead nowhere."""
    try:
        return web_address(uri)
    except Rejected:
        return None
