"""Ports for servers that are killed and started again on the same one."""

from __future__ import annotations

import secrets
import socket

# Systems give connections ports from 32,768 (Linux) or 49,152 (macOS) on. Who tries to reach a dead server there is now
# and then given the server's own port: he reaches himself, and the server cannot start.
_LOWEST, _HIGHEST = 10_000, 30_000


def lasting_port() -> int:
    """A loopback port that is free now, and that no connection is given while its server is dead."""
    while True:
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
