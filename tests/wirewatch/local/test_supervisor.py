"""When a dead process is started again, and that no process outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from wirewatch.errors import EXIT_FAULTS
from wirewatch.local import child
from wirewatch.local.supervisor import GaveUp, Program, Restart, Supervisor, decide


@pytest.mark.parametrize(
    ("lifetimes", "reason", "pause"),
    [
        ([600.0], "had-run-well", 0.0),  # it worked: back at once
        ([1.0], "ended-quickly", 0.5),
        ([1.0, 1.0], "ended-quickly", 1.0),
        ([1.0, 1.0, 1.0, 1.0], "ended-quickly", 4.0),
        ([600.0, 1.0], "ended-quickly", 0.5),  # only the latest row of quick ends counts
        ([1.0, 1.0, 1.0, 1.0, 600.0], "had-run-well", 0.0),
        ([1.0, 1.0, 1.0, 1.0, 1.0], "ended-quickly-too-often", None),
    ],
)
def test_a_dead_process_is_started_again_unless_it_keeps_dying(
    lifetimes: list[float], reason: str, pause: float | None
) -> None:
    decision = decide(lifetimes, 1)
    assert (decision.reason, decision.pause_seconds) == (reason, pause)


def test_a_stage_that_met_too_many_faults_is_not_started_again_however_long_it_ran() -> None:
    assert decide([600.0], EXIT_FAULTS) == Restart("too-many-faults", None)


def test_a_program_that_cannot_run_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    supervisor = Supervisor([Program("wrong", ("consume", "no-such-stage"), dict(os.environ))], tmp_path)
    supervisor.start()
    lifetimes = supervisor._running[0].lifetimes
    lifetimes += [0.0] * 4  # four quick ends before this one: no need to wait for their pauses
    supervisor._running[0].process.wait(60)
    with pytest.raises(GaveUp, match="no-such-stage"):
        supervisor.tend()


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel ends children with their parent")
def test_a_child_does_not_outlive_a_parent_that_was_killed(tmp_path: Path) -> None:
    parent = textwrap.dedent("""
        import sys
        from pathlib import Path
        from wirewatch.local import child
        process = child.spawn(["sleep", "600"], log_file=Path(sys.argv[1]))
        print(process.pid, flush=True)
        sys.stdin.read()
    """)
    with subprocess.Popen(
        [sys.executable, "-c", parent, str(tmp_path / "log")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        orphan = psutil.Process(int(process.stdout.readline()))
        process.send_signal(signal.SIGKILL)
    gone, _ = psutil.wait_procs([orphan], timeout=10)
    assert gone or orphan.status() == psutil.STATUS_ZOMBIE


def test_what_a_process_said_is_kept(tmp_path: Path) -> None:
    log_file = tmp_path / "logs" / "x.log"
    process = child.spawn([sys.executable, "-c", "print('hello')"], log_file=log_file)
    process.wait(30)
    assert child.tail(log_file) == "hello"
