"""Feed lists as OPML, in and out, with their categories."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from lxml import etree

from producers.identity import web_address
from wirewatch.errors import Rejected
from wirewatch.feed_state import Listing

DEPTH_MAX = 20
_BARE_AMPERSAND = re.compile(rb"&(?!(?:#\w{1,8}|\w{1,31});)")
_FULL_TEXT = "fullText"


def read_opml(data: bytes) -> tuple[list[Listing], list[str]]:
    """The feeds of an OPML file, each address once, and what is wrong with the lines that were left out.

    A folder is a category; so is each part of a ``category`` attribute. No entity is expanded and nothing is loaded.
    Raises Rejected (``invalid``, ``unsafe``) for what is not OPML.
    """
    root = _root(data)
    found: dict[str, Listing] = {}
    problems: list[str] = []
    for outline, folders in _outlines(root.find("body")):
        address = _attribute(outline, "xmlUrl")
        if not address:
            continue
        try:
            listing = _listing(outline, web_address(address), folders)
        except Rejected as rejected:
            problems.append(f"line {outline.sourceline}: {rejected.detail}")
            continue
        before = found.get(listing.url)
        found[listing.url] = listing if before is None else _joined(before, listing)
    return list(found.values()), problems


def write_opml(listings: Iterable[Listing], *, title: str, now: datetime) -> bytes:
    """The feeds as OPML 2.0, in folders by their first category, the others in ``category``."""
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = title
    etree.SubElement(head, "dateCreated").text = format_datetime(now)
    body = etree.SubElement(root, "body")
    folders: dict[str, Any] = {}
    for listing in sorted(listings, key=lambda each: (each.categories[:1], each.title.casefold(), each.url)):
        parent = body
        if listing.categories:
            name = listing.categories[0]
            if name not in folders:
                folders[name] = etree.SubElement(body, "outline", text=name)
            parent = folders[name]
        _write(parent, listing)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _write(parent: Any, listing: Listing) -> None:
    attributes = {"text": listing.title or listing.url, "type": "rss", "xmlUrl": listing.url}
    if listing.home:
        attributes["htmlUrl"] = listing.home
    if listing.categories[1:]:
        attributes["category"] = ",".join(listing.categories[1:])
    if listing.full_text:
        attributes[_FULL_TEXT] = "true"
    etree.SubElement(parent, "outline", attributes)


def _root(data: bytes) -> Any:
    # Forgiving: readers export OPML with bare ampersands. Neither entities nor anything from outside is read.
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True
    )
    try:
        root = etree.fromstring(_BARE_AMPERSAND.sub(b"&amp;", data), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Rejected("invalid", f"not XML: {error}") from error
    if root is None or str(root.tag).rpartition("}")[2].lower() != "opml":
        raise Rejected("invalid", "this is not an OPML file: its first element is not <opml>")
    if root.getroottree().docinfo.internalDTD is not None:
        raise Rejected("unsafe", "the file has a document type of its own")
    return root


def _outlines(body: Any) -> Iterable[tuple[Any, tuple[str, ...]]]:
    """All outlines with the folders that they lie in, in order; without recursion, as depth is the sender's choice."""
    if body is None:
        return
    stack: list[tuple[Any, tuple[str, ...]]] = [(child, ()) for child in reversed(body)]
    while stack:
        outline, folders = stack.pop()
        if outline.tag != "outline":
            continue
        yield outline, folders
        name = _attribute(outline, "text") or _attribute(outline, "title")
        inner = folders if _attribute(outline, "xmlUrl") or not name or len(folders) >= DEPTH_MAX else (*folders, name)
        stack += [(child, inner) for child in reversed(outline)]


def _listing(outline: Any, url: str, folders: tuple[str, ...]) -> Listing:
    named = tuple(part.strip("/ ") for part in _attribute(outline, "category").split(","))
    return Listing(
        url=url,
        title=_attribute(outline, "title") or _attribute(outline, "text"),
        home=_attribute(outline, "htmlUrl") or None,
        categories=_unique((*folders, *named)),
        full_text=_attribute(outline, _FULL_TEXT).lower() in ("true", "1", "yes"),
    )


def _joined(one: Listing, other: Listing) -> Listing:
    """Readers list a feed once per folder: it is one feed with several categories."""
    return Listing(
        url=one.url,
        title=one.title or other.title,
        home=one.home or other.home,
        categories=_unique((*one.categories, *other.categories)),
        full_text=one.full_text or other.full_text,
    )


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _attribute(outline: Any, name: str) -> str:
    """Its value on one line; attribute names are written in any case out there."""
    for key, value in outline.attrib.items():
        if key.lower() == name.lower():
            return " ".join(value.split())
    return ""
