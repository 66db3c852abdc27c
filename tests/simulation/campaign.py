"""Runs many seeds, on several processes."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator

import structlog

from tests.simulation.mutations import mutate
from tests.simulation.world import Outcome, simulate

_CHUNK = 100


def prepare(without: str | None) -> None:
    """For this process: no log lines, and perhaps one safeguard less."""
    structlog.configure(processors=[], wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if without:
        mutate(without)


def outcomes(first: int, count: int, jobs: int, without: str | None) -> Iterator[Outcome]:
    """In the order of the seeds."""
    seeds = range(first, first + count)
    if jobs == 1:
        prepare(without)
        yield from map(simulate, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, prepare, (without,)) as pool:
        yield from pool.imap(simulate, seeds, _CHUNK)
