"""What makes two articles the same one: the canonical URL, and ids and hashes made from it."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import SplitResult, unquote_plus, urlsplit, urlunsplit

import msgspec
from w3lib.url import canonicalize_url

from wirewatch.errors import Rejected

URL_CHARS_MAX = 4096
ID_HEX_DIGITS = 32

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[^\s<>\"'\\^`{|}%/?#@,;()]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")

# Parameters that say how a reader came to a page, never which page it is. A parameter that is a content id on even one
# site that we know of (cid, id, ref, source, session) is not here: a double article is a nuisance, two articles taken
# for one lose an article.
# fmt: off
_TRACKING = frozenset({
    "fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "gad_source",
    "msclkid", "yclid", "ysclid", "twclid", "ttclid", "li_fat_id", "igsh",
    "igshid", "srsltid",
    "mc_cid", "mc_eid", "mkt_tok", "_hsenc", "_hsmi", "hsctatracking", "vero_id",
    "vero_conv", "oly_anon_id", "oly_enc_id", "wickedid", "_openstat",
    "s_cid", "cmpid", "ocid", "smid", "ftag", "xtor", "guccounter",
    "guce_referrer", "guce_referrer_sig", "__twitter_impression",
    "at_medium", "at_format", "at_ptr_name", "at_bbc_team", "ns_source", "ns_campaign", "ns_mchannel",
    "ns_linkname", "ns_fee",
})
# fmt: on
_TRACKING_PREFIXES = ("utm_", "mtm_", "pk_campaign", "pk_kwd", "at_campaign", "at_custom", "at_link")


# Of one page there are often a version for phones and one in AMP, on a host or under a path of its own.
_EDITION_HOST = re.compile(r"^(?:www|m|mobile|amp)\.(?=[^.]+\.)")
_EDITION_LABEL = re.compile(r"^([^.]+)\.m\.(?=[^.]+\.)")
_AMP_CACHE = re.compile(r"^/(?:[cv]|amp)/s/(?P<rest>[^/]+\..*)$", re.DOTALL)
_AMP_PATH = re.compile(r"^/amp(?=/.)|(?:/amp|\.amp)/?$|\.amp(?=\.html?$)")
_AMP_QUERIES = frozenset(["amp", "amp=", "amp=1", "amp=true", "outputtype=amp", "outputtype=amp-type"])


def web_address(url: str) -> str:
    """The URL as readers may follow it: http or https with a host, and no user name or password in it.

    Raises Rejected (``bad-url``).
    """
    parts, host = _checked(url)
    return urlunsplit(parts._replace(netloc=host))


def canonical_url(url: str) -> str:
    """The one spelling of a URL that identifies the page. Applying it twice changes nothing.

    Scheme and host in lower case (IDNA), default port, user name, fragment, www. and tracking parameters dropped, the
    editions for phones and in AMP (m., amp., /amp) taken for the page itself, the query sorted, percent-encoding and
    dot segments made uniform. Not for following: some servers mind the order of a query.
    Raises Rejected (``bad-url``).
    """
    parts, host = _checked(_uncached(url))
    query = "&".join(part for part in parts.query.split("&") if part and not _is_tracking(part))
    host = _EDITION_LABEL.sub(r"\1.", host.lower())
    # Again and again, so that what was done once stays as it is.
    while (shorter := _EDITION_HOST.sub("", host)) != host:
        host = shorter
    path = parts.path
    while (shorter := _AMP_PATH.sub("", path)) != path:
        path = shorter
    try:
        return canonicalize_url(urlunsplit((parts.scheme, host, path, query, "")))
    except (ValueError, IndexError) as error:
        raise Rejected("bad-url", f"{url[:200]!r}: {error}") from error


def host_of(url: str) -> str:
    """The host of a URL in lower case, without port. Raises Rejected (``bad-url``)."""
    parts, _ = _checked(url)
    return (parts.hostname or "").rstrip(".")


def article_id(url: str | None, source: str, title: str, text: str) -> str:
    """The article's id, 32 hex digits: the same for the same page, in every process and at all times.

    From the canonical URL; where there is no URL, from source, title and text. Raises Rejected (``bad-url``).
    """
    if url is not None:
        return _digest(canonical_url(url).encode())
    return _digest(msgspec.json.encode([source, title, text]))


def content_hash(title: str, summary: str | None, text: str) -> str:
    """Changes when what the article says changes; 32 hex digits."""
    return _digest(msgspec.json.encode([title, summary, text]))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:ID_HEX_DIGITS]


def _checked(url: str) -> tuple[SplitResult, str]:
    """The parts of a URL that the web could serve, and its host with the port where that is not the default."""
    shown = url[:200]
    if len(url) > URL_CHARS_MAX:
        raise Rejected("bad-url", f"{shown!r}… has more than {URL_CHARS_MAX} characters")
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
        url.encode()
    except ValueError as error:
        raise Rejected("bad-url", f"{shown!r}: {error}") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise Rejected("bad-url", f"{shown!r} does not start with http:// or https://")
    if not _HOST.fullmatch(host):
        raise Rejected("bad-url", f"{shown!r} names no host")
    if _CONTROLS.search(parts.geturl()):
        raise Rejected("bad-url", f"{shown!r} holds control characters")
    if ":" in host:
        host = f"[{host}]"
    return parts, host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"


def _uncached(url: str) -> str:
    """The address of the page itself, for one in Google's AMP caches."""
    parts, _ = _checked(url)
    host = parts.hostname or ""
    if host.endswith(".cdn.ampproject.org") or (host in ("www.google.com", "google.com") and parts.path[:5] == "/amp/"):
        match = _AMP_CACHE.match(parts.path)
        return f"https://{match['rest']}{'?' + parts.query if parts.query else ''}" if match else url
    return url


def _is_tracking(part: str) -> bool:
    if part.lower() in _AMP_QUERIES:
        return True
    name = unquote_plus(part.partition("=")[0]).lower()
    return name in _TRACKING or name.startswith(_TRACKING_PREFIXES)
