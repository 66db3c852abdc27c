"""What people outside see while a server is away: the HTTP ingest and the readiness of ``wirewatch serve``."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass, field

_ANSWER_SECONDS_MAX = 60.0
_QUIET = {"source": "chaos.example", "title": "Weather", "text": "Rain in the morning, dry later.", "language": "en"}
"""Names no actor, so it changes nothing that the verdict looks at."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Asks a running ``wirewatch serve`` on loopback."""

    port: int
    token: str

    def ready(self) -> int:
        """Status of /readyz; 0 where nothing answered."""
        return self._ask("GET", "/readyz")[0]

    def publish(self) -> tuple[int, str | None]:
        """Status and Retry-After of publishing one article; 0 where nothing answered."""
        return self._ask("POST", "/v1/articles", json.dumps(_QUIET).encode())

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER_SECONDS_MAX)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return 0, None
        else:
            return answer.status, answer.headers["Retry-After"]
        finally:
            connection.close()


@dataclass(slots=True)
class Outside:
    """Whether what was seen from outside is right; ``wrong`` lists what is not."""

    probe: Probe
    wrong: list[str] = field(default_factory=list)
    looks: int = 0
    """How often it was looked at during the outage."""

    def before(self, until: Callable[[Callable[[], bool], float], bool]) -> None:
        """Wait until all is well."""
        self._well(until, "at the start")

    def during(self, server: str) -> None:
        """Look once while ``server`` (redis or broker) is away."""
        self.looks += 1
        if (ready := self.probe.ready()) != 503:
            self._note(f"/readyz says {ready} while {server} is away, not 503")
        status, retry_after = self.probe.publish()
        if server == "broker" and (status != 503 or not retry_after):
            self._note(f"ingest says {status}, Retry-After {retry_after}, while the broker is away")
        if server == "redis" and status != 202:
            self._note(f"ingest says {status} while only Redis is away, not 202")

    def after(self, until: Callable[[Callable[[], bool], float], bool]) -> None:
        """Wait until all is well again."""
        self._well(until, "after the outage")

    def _well(self, until: Callable[[Callable[[], bool], float], bool], when: str) -> None:
        if not until(lambda: self.probe.ready() == 200 and self.probe.publish()[0] == 202, 90):
            self._note(f"ingest or readiness is not well {when}: {self.probe.ready()}, {self.probe.publish()}")

    def _note(self, what: str) -> None:
        if what not in self.wrong:
            self.wrong.append(what)
