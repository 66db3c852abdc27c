"""A real Redis as an operator would secure it: TLS only, the shipped ACL file, no default user."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from tests.certificates import Certificates, make
from tests.house.repository import ROOT
from tests.redis_server import RedisServer

ACL = ROOT / "docs" / "security" / "redis.acl"


def password(user: str) -> str:
    return f"{user}-5f0c77d1"


def acl_file(folder: Path) -> Path:
    """The shipped file with the passwords' hashes filled in, as docs/security.md says."""
    text = re.sub(
        r"HASH_OF_(\w+)_PASSWORD",
        lambda found: hashlib.sha256(password(found[1].lower()).encode()).hexdigest(),
        ACL.read_text("utf-8"),
    )
    file = folder / "users.acl"
    file.write_text(text)
    return file


class SecuredRedis(RedisServer):
    """``address(user)`` is what goes into REDIS_URL. Without ``tls`` the ACL file alone: not every build speaks TLS."""

    def __init__(self, program: str, folder: Path, *, tls: bool = True) -> None:
        self.tls = tls
        self.certificates: Certificates = make(folder / "certificates")
        super().__init__(program, folder)
        port = self.url.rpartition(":")[2].partition("/")[0]
        self._where = f"127.0.0.1:{port}/0"
        # What the server forbids everybody by default is allowed here: it is the ACL file that must forbid it.
        self.options = (
            *("--aclfile", str(acl_file(folder)), "--enable-debug-command", "yes", "--enable-module-command", "yes"),
            *(self._tls(port) if tls else ()),
        )

    def _tls(self, port: str) -> tuple[str, ...]:
        return (
            *("--port", "0", "--tls-port", port, "--tls-auth-clients", "no"),
            *("--tls-cert-file", str(self.certificates.certificate), "--tls-key-file", str(self.certificates.key)),
            *("--tls-ca-cert-file", str(self.certificates.authority)),
        )

    def address(self, user: str) -> str:
        return f"{'rediss' if self.tls else 'redis'}://{user}:{password(user)}@{self._where}"

    def environment(self, user: str) -> dict[str, str]:
        authority = {"REDIS_SSL_CAFILE": str(self.certificates.authority)} if self.tls else {}
        return {"REDIS_URL": self.address(user)} | authority


def start(program: str, folder: Path) -> SecuredRedis:
    """One that answers; without TLS where ``program`` is built without it."""
    try:
        return SecuredRedis(program, folder).start()
    except AssertionError as error:
        if "tls" not in str(error).lower():
            raise
    return SecuredRedis(program, folder, tls=False).start()
