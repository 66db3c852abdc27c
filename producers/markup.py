"""HTML to plain text, and the few facts that a page states about itself in its head."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree, html

# fmt: off
_BLOCKS = frozenset([
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "figure", "footer",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table", "tr", "ul",
])
# fmt: on
_UNSEEN = frozenset(["head", "iframe", "math", "noscript", "object", "script", "style", "svg", "template", "title"])
_CELLS = frozenset(["td", "th"])
_LOOKS_LIKE_MARKUP = re.compile(r"<[a-zA-Z!/]|&#?\w{2,31};")
_SPACE_RUN = re.compile(r"\s+")
_SPACES = re.compile(r"[^\S\n]+")
_LINE_ENDS = re.compile(r" ?\n[ \n]*")
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_PUBLISHED = (
    "//meta[@property='article:published_time']/@content",
    "//meta[@name='article:published_time']/@content",
    "//*[@itemprop='datePublished']/@content",
    "//*[@itemprop='datePublished']/@datetime",
)


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a page says of itself, as it says it."""

    language: str | None
    published: str | None


def to_text(markup: str) -> str:
    """What a reader sees of an HTML fragment or page: entities decoded, one line per block, no scripts or styles.

    Text without any markup comes back as it is.
    """
    if not _LOOKS_LIKE_MARKUP.search(markup):
        return markup.strip()
    tree = _tree(markup)
    if tree is None:
        return ""
    text = _SPACES.sub(" ", "".join(_pieces(tree)))
    return _LINE_ENDS.sub("\n", text).strip()


def facts(page: str) -> PageFacts:
    """Declared language and published time of a page; None where it states none."""
    tree = _tree(page)
    if tree is None:
        return PageFacts(None, None)
    languages = tree.xpath("/html/@lang")
    published = [value.strip() for path in _PUBLISHED for value in tree.xpath(path)]
    return PageFacts(str(languages[0]) if languages else None, str(published[0]) if published else None)


def _tree(markup: str) -> html.HtmlElement | None:
    data = _UNFIT.sub(" ", markup).encode()
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)  # type: ignore[no-untyped-call]
    try:
        tree: html.HtmlElement = html.document_fromstring(data, parser=parser)  # type: ignore[no-untyped-call]
    except etree.ParserError:  # nothing but comments or white space
        return None
    return tree


def _pieces(tree: html.HtmlElement) -> list[str]:
    """Texts in document order. White space inside is not yet collapsed; walks without recursion, at any depth."""
    pieces: list[str] = []
    unseen = 0
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        tag = element.tag
        if event == "start":
            unseen += tag in _UNSEEN
            if not unseen:
                pieces.append("\n" if tag in _BLOCKS else " " if tag in _CELLS else "")
                pieces.append(_SPACE_RUN.sub(" ", element.text or ""))
            continue
        unseen -= tag in _UNSEEN
        if not unseen:
            pieces.append("\n" if tag in _BLOCKS else "")
            pieces.append(_SPACE_RUN.sub(" ", element.tail or ""))
    return pieces
