"""A repair of kafka-python 3.0.12: what was fetched of a paused partition is given once it is resumed.

Records that are half read when their partition is paused are parked, and read on when it is resumed and nothing else is
in line. ``Fetcher.fetched_records`` looks for that with ``is None``, but leaves records that are read to their end in
line: the parked ones then come back only when some fetch is discarded, and as nothing more is fetched of their
partitions meanwhile, these stand still while the others flow (seen: for ever, in a kill campaign). kafka-python is
pinned to this version; the broker contract's tests stand over it.
"""

from __future__ import annotations

from typing import Any


def give_back_parked(client: Any) -> None:
    """Repair one KafkaConsumer."""
    fetcher = client._fetcher  # noqa: SLF001 - there is no public way
    fetched_records = fetcher.fetched_records

    def fetched(*arguments: Any, **options: Any) -> Any:
        if not fetcher._next_partition_records:  # noqa: SLF001 - false once it is read to its end
            fetcher._next_partition_records = None  # noqa: SLF001
        return fetched_records(*arguments, **options)

    fetcher.fetched_records = fetched
