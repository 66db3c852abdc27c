"""The layout of the keys in Redis: one place that names them all.

Everything that one partition of one topic owns carries the same hash tag (``{m7}`` for mentions.v1 partition 7,
``{e7}`` for entities.v1), so that one script changes it in one step, on a Redis Cluster too. Readers add up over the
partitions. Days are UTC and written ``yyyymmdd``.

    ww:{m7}:off                       hash    next, src, day: where this partition stands; generation, member: who
                                              has claimed it; held, raised, start: see consumers/rebuilding.py
    ww:{m7}:seen:<day>                set     ids of the articles counted or seen again on that day
    ww:{m7}:hour:<day>:<actor>        hash    a00 … a23 articles, m00 … m23 mentions
    ww:{m7}:source:<day>:<actor>      hash    source → articles
    ww:{m7}:language:<day>:<actor>    hash    language → articles
    ww:{m7}:actors:<day>              zset    actor → articles
    ww:{m7}:pairs:<day>               zset    two actors in one article → articles
    ww:{m7}:heard:<day>               zset    hour and source → articles, whether or not they name an actor
    ww:{m7}:totals:<day>              hash    ok, none, skipped, dlq, dup: add up to the records applied
    ww:{m7}:outbox                    stream  matches that no relay has taken yet
    ww:{e7}:off, seen, totals                 as above, of entities.v1
    ww:{e7}:labels:<day>              hash    label → names found, an article counting once for each
    ww:{e7}:names:<day>:<label>       zset    name → articles
    ww:{volume}:outbox                stream  alerts of volume rules that no relay has taken yet
    ww:{feed}:inbox                   stream  matches and such alerts that are not in the feed yet
    ww:{feed}:alerts                  stream  the newest alerts, one entry each, in their newest revision
    ww:{feed}:ids                     hash    alert id → its place in that stream
    ww:{feed}:matches                 hash    match id → revision of its article:alert id
    ww:{feed}:of                      zset    <alert id>:<match id>, of the same
    ww:{feed}:trimmed                 string  newest place that was dropped from that stream
    ww:{feed}:sending                 stream  revisions of alerts that are not in alerts.v1 yet
    ww:{stories}:version              string  another with each change of what follows
    ww:{stories}:of:<article>         string  the story of an article; expires
    ww:{stories}:piece:<article>      string  JSON of consumers.stories.book.Kept; expires
    ww:{stories}:common:<lang>:<day>  hash    term → articles of that day that have it, n → articles; expires
    ww:{stories}:term:<hash>          list    the newest articles with this term; expires
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Literal, NamedTuple

from wirewatch.errors import UserError
from wirewatch.topics import ENTITIES, MENTIONS

Family = Literal["hour", "source", "language", "actors", "pairs", "heard", "totals", "labels", "names"]
ZSETS: frozenset[Family] = frozenset({"actors", "pairs", "heard", "names"})
PAIR_SEPARATOR = "\x1f"
"""Between the two actors of a pair, and between an hour (00 to 23) and a source."""

_LETTERS = {MENTIONS.name: "m", ENTITIES.name: "e"}


class Bucket(NamedTuple):
    """One counter key, but for its partition: a family, a day, and whose it is (an actor, a label, or nobody's)."""

    family: Family
    day: date
    of: str = ""


@dataclass(frozen=True, slots=True)
class Keys:
    """Names keys below a prefix. Raises UserError for a prefix that would break the hash tags."""

    prefix: str

    def __post_init__(self) -> None:
        if not self.prefix or set(self.prefix) & set("{} \n"):
            raise UserError(f"setting WIREWATCH_REDIS_PREFIX: {self.prefix!r} must be a word without braces")

    def _own(self, topic: str, partition: int) -> str:
        return f"{self.prefix}:{{{_LETTERS[topic]}{partition}}}"

    def position(self, topic: str, partition: int) -> str:
        return f"{self._own(topic, partition)}:off"

    def seen(self, topic: str, partition: int, day: date) -> str:
        return f"{self._own(topic, partition)}:seen:{stamp(day)}"

    def counter(self, topic: str, partition: int, bucket: Bucket) -> str:
        name = f"{self._own(topic, partition)}:{bucket.family}:{stamp(bucket.day)}"
        return f"{name}:{bucket.of}" if bucket.of else name

    @staticmethod
    def raises_alerts(topic: str) -> bool:
        """Whether the partitions of ``topic`` have an outbox."""
        return topic == MENTIONS.name

    def outbox(self, partition: int) -> str:
        return f"{self._own(MENTIONS.name, partition)}:outbox"

    @property
    def volume_outbox(self) -> str:
        return f"{self.prefix}:{{volume}}:outbox"

    @property
    def feed(self) -> str:
        return f"{self.prefix}:{{feed}}:alerts"

    def _of_feed(self, name: str) -> str:
        return f"{self.prefix}:{{feed}}:{name}"

    @property
    def feed_inbox(self) -> str:
        return self._of_feed("inbox")

    @property
    def feed_ids(self) -> str:
        return self._of_feed("ids")

    @property
    def feed_matches(self) -> str:
        return self._of_feed("matches")

    @property
    def feed_of(self) -> str:
        return self._of_feed("of")

    @property
    def feed_trimmed(self) -> str:
        return self._of_feed("trimmed")

    @property
    def feed_sending(self) -> str:
        return self._of_feed("sending")

    @property
    def stories_version(self) -> str:
        return f"{self.prefix}:{{stories}}:version"

    def story_of(self, article_id: str) -> str:
        return f"{self.prefix}:{{stories}}:of:{article_id}"

    def story_piece(self, article_id: str) -> str:
        return f"{self.prefix}:{{stories}}:piece:{article_id}"

    def story_common(self, language: str, day: date) -> str:
        return f"{self.prefix}:{{stories}}:common:{language}:{stamp(day)}"

    def story_term(self, term: int) -> str:
        return f"{self.prefix}:{{stories}}:term:{term:x}"


def stamp(day: date) -> str:
    """``yyyymmdd``."""
    return day.isoformat().replace("-", "")


def expiry(day: date, days: int) -> int:
    """Seconds since the epoch of the end of ``day`` plus ``days``: the same whenever it is asked, so replays agree."""
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    return int(midnight.timestamp()) + (days + 1) * 86_400
