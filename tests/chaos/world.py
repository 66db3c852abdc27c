"""The servers and stage processes of a campaign, and what can be done to them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from tests.chaos.plan import STAGES, Fault
from tests.redis_server import RedisServer
from wirewatch.broker import Broker
from wirewatch.cli.wiring import open_broker
from wirewatch.local import child
from wirewatch.local.kafka import LocalKafka
from wirewatch.settings import Settings, load
from wirewatch.topics import specs

SESSION_MS = 6_000
FREEZE_SECONDS = 9.0
CUT_BYTES_MAX = 8_192


class World:
    """Everything that runs. Stages that end are started again at once, as a supervisor would."""

    def __init__(self, folder: Path, redis_program: str, *, kafka: bool) -> None:
        self._folder = folder
        (folder / "redis").mkdir(parents=True)
        self._redis = RedisServer(redis_program, folder / "redis")
        self._kafka = LocalKafka(folder) if kafka else None
        self._stages: dict[str, subprocess.Popen[bytes]] = {}
        self._frozen: list[subprocess.Popen[bytes]] = []
        self._ending = threading.Event()
        self.settings: Settings = load()

    def start(self) -> World:
        """Servers, topics, stages."""
        self._redis.start()
        servers: dict[str, str] = {"redis_url": self._redis.url}
        if self._kafka:
            self._kafka.start()
            servers["kafka_bootstrap_servers"] = self._kafka.bootstrap_servers
        self.settings = load(**servers, data_dir=self._folder, kafka_session_timeout_ms=SESSION_MS)
        admin = self.broker().admin()
        admin.create_topics(specs(self.settings))
        admin.close()
        for stage in STAGES:
            self._stages[stage] = self._spawn(stage)
        return self

    def broker(self) -> Broker:
        """Another client of the broker."""
        return open_broker(self.settings)

    def inject(self, fault: Fault, chance: random.Random) -> None:
        """Do the harm, and put back what a supervisor would put back."""
        if fault.kind == "kill":
            self._stages[fault.target].kill()
        elif fault.kind == "freeze":
            self._freeze(fault.target)
        elif fault.kind == "kill-broker":
            if self._kafka:
                self._kafka.kill()
                self._kafka.start()
        else:
            self._redis.kill()
            if fault.kind == "cut-redis":
                self._cut(chance)
            self._redis.start()
        self.tend()

    def tend(self) -> None:
        """Start again what has ended."""
        for stage, process in self._stages.items():
            if process.poll() is not None:
                self._stages[stage] = self._spawn(stage)

    def stop(self) -> None:
        """End everything; what is frozen is woken first."""
        self._ending.set()
        for process in [*self._frozen, *self._stages.values()]:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
            child.stop(process, 20)
        self._redis.stop()
        if self._kafka:
            self._kafka.stop()

    def _freeze(self, stage: str) -> None:
        """A zombie: it sleeps past its session, another takes over, and then it goes on as if nothing were."""
        process = self._stages[stage]
        process.send_signal(signal.SIGSTOP)
        self._frozen.append(process)
        self._stages[stage] = self._spawn(stage)
        # To a process that has ended meanwhile, send_signal does nothing.
        wake = threading.Timer(FREEZE_SECONDS, process.send_signal, [signal.SIGCONT])
        wake.daemon = True
        wake.start()

    def _cut(self, chance: random.Random) -> None:
        """Lose the newest bytes of the append-only file, as a power cut would."""
        files = sorted((self._folder / "redis").rglob("*.incr.aof"), key=lambda file: file.stat().st_mtime)
        size = files[-1].stat().st_size
        os.truncate(files[-1], max(0, size - chance.randrange(min(CUT_BYTES_MAX, size) + 1)))

    def _spawn(self, stage: str) -> subprocess.Popen[bytes]:
        env: Mapping[str, str] = {
            **os.environ,
            "REDIS_URL": self._redis.url,
            "KAFKA_BOOTSTRAP_SERVERS": self._kafka.bootstrap_servers if self._kafka else "",
            "WIREWATCH_DATA_DIR": str(self._folder),
            "WIREWATCH_KAFKA_SESSION_TIMEOUT_MS": str(SESSION_MS),
        }
        arguments = [sys.executable, "-m", "wirewatch", "consume", stage]
        return child.spawn(arguments, log_file=self._folder / "logs" / f"{stage}.log", env=env)
