"""Web archives and ZIP files for tests, written by hand so that they can also be wrong."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Mapping

PAGE = b"""<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><title>L'OTAN suspend</title>
<meta property="article:published_time" content="2020-01-06T10:00:00+01:00">
<link rel="canonical" href="https://ailleurs.example/autre"></head>
<body><nav><a href="/">Accueil</a></nav><article><h1>L'OTAN suspend</h1>
<p>L'OTAN suspend sa formation des soldats en Irak, annonce son secr\xc3\xa9taire.</p><p>C'est ce que dit le
porte-parole de l'alliance \xc3\xa0 Bruxelles.</p></article></body></html>"""
HTML = "text/html; charset=utf-8"


Headers = Mapping[str, str] | None


def record(kind: str, url: str | None, body: bytes, content_type: str, headers: Headers = None) -> bytes:
    """One record of an archive."""
    named = {"WARC-Type": kind, "WARC-Date": "2020-01-07T00:00:00Z"}
    named["WARC-Record-ID"] = "<urn:uuid:51880269-0041-4f8f-ac34-57c75c151871>"
    if url is not None:
        named["WARC-Target-URI"] = url
    named |= {"Content-Type": content_type, "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return b"WARC/1.0\r\n" + head.encode() + b"\r\n" + body + b"\r\n\r\n"


def response(
    url: str | None, body: bytes, content_type: str = HTML, status: str = "200 OK", headers: Headers = None
) -> bytes:
    """A record of an answer to an HTTP request."""
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    http = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{more}\r\n".encode() + body
    return record("response", url, http, "application/http; msgtype=response")


def text(url: str, body: bytes, languages: str = "fra") -> bytes:
    """A record of a WET file."""
    return record("conversion", url, body, "text/plain", {"WARC-Identified-Content-Language": languages})


def chunked(body: bytes, size: int = 50) -> bytes:
    """A body in chunks."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def gzipped(*records: bytes) -> bytes:
    """Records as archives are usually packed: each on its own."""
    return b"".join(gzip.compress(each) for each in records)


def crawl() -> bytes:
    """What a crawler writes: two pages, of which one came packed, and what is no article."""
    return gzipped(
        record("warcinfo", None, b"software: ours\r\n", "application/warc-fields"),
        record("request", "https://journal.example/1", b"GET /1 HTTP/1.1\r\n\r\n", "application/http; msgtype=request"),
        response("https://journal.example/1", PAGE),
        response("https://journal.example/2", gzip.compress(PAGE), headers={"Content-Encoding": "gzip"}),
        response("https://journal.example/photo.jpg", b"\xff\xd8\x00", "image/jpeg"),
        response("https://journal.example/gone", b"<html>gone</html>", status="404 Not Found"),
        record("metadata", "https://journal.example/1", b"fetchTimeMs: 3", "application/warc-fields"),
    )


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP file with these files in it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()
