"""A certificate authority for tests, and what it signs for a server on this machine."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files. ``pair`` holds key and certificate in one, as Kafka reads them."""

    authority: Path
    certificate: Path
    key: Path
    pair: Path


def make(folder: Path) -> Certificates:
    """Make them with openssl; the test is skipped where that is missing."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed: it makes the certificates")
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificates(
        folder / "authority.pem", folder / "certificate.pem", folder / "key.pem", folder / "key-and-certificate.pem"
    )
    authority_key, request, extensions = folder / "authority-key.pem", folder / "request.pem", folder / "names"
    extensions.write_text(_NAMES)
    new_key = ("-newkey", "rsa:2048", "-nodes")
    _openssl(
        "req", "-x509", *new_key, "-days", "1", "-subj", "/CN=tests", "-keyout", authority_key, "-out", made.authority
    )
    _openssl("req", *new_key, "-subj", "/CN=server", "-keyout", made.key, "-out", request)
    signing = ("-CA", made.authority, "-CAkey", authority_key, "-CAcreateserial", "-extfile", extensions)
    _openssl("x509", "-req", "-days", "1", "-in", request, *signing, "-out", made.certificate)
    made.pair.write_bytes(made.key.read_bytes() + made.certificate.read_bytes())
    return made


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
