"""A process that stands still ends itself; one that waits in good order does not. As processes of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.wirewatch.risky import READY
from tests.wirewatch.stages import WAIT_SECONDS_MAX, alive_until, embedded, messages, program, publish_texts
from wirewatch.records import Mentions
from wirewatch.topics import MENTIONS
from wirewatch.watchdog import EXIT_STALLED, STOP_SECONDS_MAX

STALL_SECONDS = 1.0

_CLOSES_AND_GOES_ON = """
import threading, time
from wirewatch.watchdog import Watchdog
stop = threading.Event()
watchdog = Watchdog(0.3, stop)
if {ask}:
    stop.set()
watchdog.close()
time.sleep(2.5)  # longer than the watchdog and its backstop would bear
print("still here")
"""


def env(folder: Path) -> dict[str, str]:
    return {"WIREWATCH_DATA_DIR": str(folder), "WIREWATCH_STALL_SECONDS": str(STALL_SECONDS)}


def test_a_loop_that_stands_still_ends_the_process_and_says_where_it_stood(tmp_path: Path) -> None:
    publish_texts(embedded(tmp_path), ["hang"])
    with program("tests.wirewatch.risky", "at-once", env=env(tmp_path)) as process:
        _, said = process.communicate(timeout=WAIT_SECONDS_MAX)
    assert process.returncode == EXIT_STALLED
    assert "the loop stands still" in said
    assert "in obey" in said


@pytest.mark.parametrize("stage", ["away", "risky"])
def test_waiting_for_a_server_or_for_slow_workers_is_no_standstill(tmp_path: Path, stage: str) -> None:
    broker = embedded(tmp_path)
    publish_texts(broker, ["hang"])
    producer = broker.producer()
    producer.send(MENTIONS.name, MENTIONS.encode(Mentions(status="none")), partition=0)
    producer.close()
    ready = tmp_path / "ready"
    with program("tests.wirewatch.risky", stage, env=env(tmp_path) | {READY: str(ready)}) as process:
        alive_until(ready.exists, process)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(STALL_SECONDS * 6)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS_MAX + 3) == 0


def test_a_process_that_was_suspended_goes_on(tmp_path: Path) -> None:
    broker = embedded(tmp_path)
    publish_texts(broker, ["text"])
    with program("tests.wirewatch.risky", "at-once", env=env(tmp_path)) as process:
        alive_until(lambda: messages(broker, MENTIONS.name), process)
        before = len(messages(broker, MENTIONS.name))
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(STALL_SECONDS * 2)
        process.send_signal(signal.SIGCONT)
        publish_texts(broker, ["text"])
        alive_until(lambda: len(messages(broker, MENTIONS.name)) > before, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS_MAX + 3) == 0


def test_what_does_not_stop_in_time_is_ended_and_its_work_is_left_to_the_next(tmp_path: Path) -> None:
    broker = embedded(tmp_path)
    publish_texts(broker, [f"wait {tmp_path / 'gate'}"])
    with program("tests.wirewatch.risky", "at-once", env={"WIREWATCH_DATA_DIR": str(tmp_path)}) as process:
        alive_until((tmp_path / "gate.begun").exists, process)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=STOP_SECONDS_MAX + 3)
    assert process.returncode == 0
    assert "not stopped in time" in said
    assert messages(broker, MENTIONS.name) == []


def test_a_second_signal_ends_the_process_at_once(tmp_path: Path) -> None:
    publish_texts(embedded(tmp_path), [f"wait {tmp_path / 'gate'}"])
    with program("tests.wirewatch.risky", "at-once", env={"WIREWATCH_DATA_DIR": str(tmp_path)}) as process:
        alive_until((tmp_path / "gate.begun").exists, process)
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
        assert process.returncode == 130


def test_a_closed_watchdog_does_not_end_the_process_that_goes_on_with_something_else() -> None:
    for ask in (False, True):
        done = subprocess.run(
            [sys.executable, "-c", _CLOSES_AND_GOES_ON.format(ask=ask)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, "still here\n"), done.stderr
