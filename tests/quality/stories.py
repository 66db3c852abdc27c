"""``python -m tests.quality.stories``: how well stories are found on our labelled articles, by the code that runs.

The book of stories writes into the model of Redis that the simulation uses. With --mistakes, what went wrong.
"""

from __future__ import annotations

from collections.abc import Mapping

import click

from consumers.stories.book import Stories
from tests.consumers.making import KEYS, settings
from tests.quality.labelled_stories import LANGUAGES, Quality, labelled, measure, mistakes
from tests.simulation.chance import Chance
from tests.simulation.redis_model import Model, SimClient
from wirewatch.metrics import Metrics


def found(batch: int = 1) -> Mapping[str, str]:
    """The story of every labelled article, by its id, asked for in batches of so many."""
    calm = Chance(0)
    calm.calm = True
    book = Stories(SimClient(Model(), calm, lambda: None), KEYS, settings(), Metrics())
    told = [each.told for each in labelled()]
    stories: dict[str, str] = {}
    for at in range(0, len(told), batch):
        stories |= book.assign(told[at : at + batch])
    return stories


def table(stories: Mapping[str, str]) -> Mapping[str, Quality]:
    """Quality by part of the set: fitting and testing, in all and per language, and events across languages."""
    parts: dict[str, Quality] = {}
    for part, fits in (("fit", True), ("test", False)):
        own = [each for each in labelled() if each.fits is fits]
        for language in LANGUAGES:
            parts[f"{part} {language}"] = measure([each for each in own if each.language == language], stories)
        parts[f"{part}, events across languages"] = measure(own, stories, across=True)
    parts["all, events across languages"] = measure(labelled(), stories, across=True)
    return parts


@click.command()
@click.option("--mistakes", "shows_mistakes", is_flag=True, help="Show what went wrong.")
def main(shows_mistakes: bool) -> None:
    """Print pairwise precision and recall, and notifications per story."""
    stories = found()
    for part, quality in table(stories).items():
        click.echo(
            f"{part:30} precision {quality.precision:.3f}  recall {quality.recall:.3f}  "
            f"notifications per story {quality.notifications:.2f}  ({quality.stories} stories)"
        )
    if shows_mistakes:
        for language in LANGUAGES:
            for told in mistakes([each for each in labelled() if each.language == language], stories):
                click.echo(f"{language}: {told}")


if __name__ == "__main__":
    main()
