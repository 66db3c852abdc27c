"""Several parsing processes for one program: a document per core at the same time, each process replaced in time."""

from __future__ import annotations

import os
import queue
from types import TracebackType
from typing import Self

from producers.apart import CPU_SECONDS_MAX, Apart
from producers.documents import Document
from producers.feed import Feed

PROCESSES_MAX = 4
RECYCLE_DOCUMENTS = 2_000
"""The C libraries behind the parsers do not give back all that they take."""


class ApartPool:
    """Implements ``documents.Parse``, for any number of threads; with more of them than processes, they take turns.

    A process starts when every one before it is busy, and stays for the next document.
    """

    def __init__(
        self,
        processes: int = 0,
        *,
        recycle_documents: int = RECYCLE_DOCUMENTS,
        cpu_seconds_max: int = CPU_SECONDS_MAX,
    ) -> None:
        """``processes`` 0: one per core, at most ``PROCESSES_MAX``."""
        self._count = processes or min(os.cpu_count() or 1, PROCESSES_MAX)
        self._recycle = recycle_documents
        # The last one given back is the first one taken: it is warm.
        self._free: queue.LifoQueue[tuple[Apart, int]] = queue.LifoQueue()
        for _ in range(self._count):
            self._free.put((Apart(cpu_seconds_max=cpu_seconds_max), 0))

    def __call__(self, document: Document) -> Feed:
        """See ``Apart.__call__``."""
        apart, parsed = self._free.get()
        try:
            if parsed >= self._recycle:
                apart.close()
                parsed = 0
            return apart(document)
        finally:
            self._free.put((apart, parsed + 1))

    def close(self) -> None:
        """End the processes, each when the document that it has is parsed. Repeating is safe."""
        taken = [self._free.get() for _ in range(self._count)]
        for apart, _ in taken:
            apart.close()
            self._free.put((apart, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
