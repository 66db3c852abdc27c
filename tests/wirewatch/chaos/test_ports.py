"""A killed server finds its port free again."""

from __future__ import annotations

import socket

from wirewatch.chaos.ports import lasting_port


def test_a_lasting_port_is_free_and_is_given_to_no_connection() -> None:
    port = lasting_port()
    with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)) as connection:
        assert port < connection.getsockname()[1]
