"""``python -m tests.prepare``: fetch Apache Kafka for the live lane, where the progress is seen; pytest would hide it.

Where it cannot, one line says so; the live tests then skip with the same reason.
"""

from __future__ import annotations

import click

from wirewatch.errors import UserError
from wirewatch.local.kafka import CACHE_DIR
from wirewatch.local.kafka_files import fetch


def main() -> None:
    try:
        fetch(CACHE_DIR, lambda line: click.echo(f"· {line}"))
    except UserError as error:
        click.echo(f"· the live Kafka tests are skipped: {error}")


if __name__ == "__main__":
    main()
