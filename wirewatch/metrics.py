"""Every metric of Wirewatch, declared once. The help text is the documentation.

One process serves one port. Labels are few and bounded: never a title, a URL or an article id; sources and actors are
capped and what is over the cap counts as ``other`` (see ``bounded``).
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from wirewatch import __version__

# The objective "99 % alert within 60 s of ingest" needs an edge on 60.
LATENCY_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
DURATION_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
CONSUMER_STATES = ["starting", "running", "waiting", "stopped"]
BATCH_MESSAGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)

disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """All metrics on one registry. Each process makes one; each test makes its own."""

    def __init__(self, registry: CollectorRegistry | None = None, *, label_values_max: int = 500) -> None:
        self.registry = registry or CollectorRegistry(auto_describe=True)
        self.label_values_max = label_values_max
        self._label_values: dict[str, set[str]] = {}
        self._declare_pipeline()
        self._declare_content()
        self._declare_edges()
        self._declare_delivery()

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"wirewatch_{name}", help_, labels, registry=self.registry)

    def _gauge(self, name: str, help_: str, *labels: str) -> Gauge:
        return Gauge(f"wirewatch_{name}", help_, labels, registry=self.registry)

    def _histogram(self, name: str, help_: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"wirewatch_{name}", help_, labels, registry=self.registry, buckets=buckets)

    def _declare_pipeline(self) -> None:
        self.build = Info("wirewatch_build", "Version of this process, and spaCy pipelines.", registry=self.registry)
        self.describe_build(spacy_model="")
        self.state = Enum(
            "wirewatch_consumer_state",
            "What this member of a consumer group does.",
            states=CONSUMER_STATES,
            registry=self.registry,
        )
        self.consumed = self._counter("kafka_messages_consumed_total", "Messages read from a topic.", "topic")
        self.lag = self._gauge(
            "kafka_consumer_lag_messages", "Messages in the log that this member has not read.", "topic", "partition"
        )
        self.lag_seconds = self._gauge(
            "kafka_consumer_lag_seconds",
            "Age of the newest message read, where more wait; else 0.",
            "topic",
            "partition",
        )
        self.rebalances = self._counter("kafka_rebalances_total", "Changes of the partitions of this member.", "event")
        self.commit_failures = self._counter("kafka_commit_failures_total", "Commits that the group refused.")
        self.dead_letters = self._counter(
            "kafka_deadletter_messages_total", "Records sent to the dead-letter topic.", "reason"
        )
        self.batch_size = self._histogram("kafka_batch_size_messages", "Messages per batch.", BATCH_MESSAGES)
        self.last_poll = self._gauge("kafka_last_poll_timestamp_seconds", "When this member last asked for messages.")
        self.stage_duration = self._histogram(
            "stage_duration_seconds", "Time to process one batch, without polling.", DURATION_SECONDS, "stage"
        )
        self.stage_failures = self._counter(
            "stage_failures_total", "Batches that were interrupted and done again.", "stage", "reason"
        )
        self.stage_records = self._counter("stage_records_total", "Records by outcome.", "stage", "outcome")

        self.faults_recent = self._gauge(
            "faults_recent_records",
            "Of a stage's last 200 records, those that failed as by a fault of ours; too many stop the stage.",
            "stage",
        )

        self.workers_alive = self._gauge("workers_alive", "Worker processes that have loaded their stage.")
        self.worker_ends = self._counter(
            "worker_ends_total",
            "Worker processes that ended: worker-crash, worker-timeout, no-start, or recycled in order.",
            "reason",
        )
        self.worker_jobs = self._gauge("worker_jobs_in_flight", "Jobs that wait for a worker process, or are in one.")
        self.worker_documents = self._counter("worker_documents_total", "Records that worker processes have done.")

    def _declare_content(self) -> None:
        self.articles = self._counter("articles_total", "Articles counted, by source.", "source")
        self.source_last = self._gauge(
            "source_last_article_timestamp_seconds", "When a source's newest article was first seen.", "source"
        )
        self.actor_articles = self._counter("actor_articles_total", "Articles that name an actor.", "actor")
        self.actor_mentions = self._counter("actor_mentions_total", "Mentions of an actor.", "actor")
        self.language_articles = self._counter("language_articles_total", "Articles counted, by language.", "language")
        self.entities_found = self._counter("entities_total", "Entities found, by label.", "label")
        self.no_pipeline = self._counter(
            "entities_no_pipeline_total", "Articles without entities, as no pipeline serves their language.", "language"
        )
        self.duplicates = self._counter("duplicates_dropped_total", "Articles that had been counted before.")
        self.clock_skew = self._counter("clock_skew_total", "Articles that claim to be published in the future.")
        self.offset_gaps = self._counter("source_offset_gaps_total", "Source offsets that never arrived. Must stay 0.")
        self.fenced = self._counter("fenced_total", "Batches refused, as another member had claimed the partition.")
        self.alerts = self._counter("alerts_emitted_total", "Alerts raised, each once.", "severity")
        self.actor_alerts = self._counter("actor_alerts_total", "Alerts raised, by actor.", "actor")
        self.alert_updates = self._counter("alert_updates_total", "New revisions of alerts: more articles, or edits.")
        self.story_articles = self._counter(
            "story_articles_total", "Articles whose story was looked for, by why it is that one.", "why"
        )
        self.ingest_to_alert = self._histogram(
            "ingest_to_alert_seconds", "From the broker's acknowledgement of the article to its alert.", LATENCY_SECONDS
        )
        self.publish_to_alert = self._histogram(
            "publish_to_alert_seconds", "From the published time that the source claims to the alert.", LATENCY_SECONDS
        )
        self.volume_decisions = self._counter(
            "volume_decisions_total", "What volume rules decided, by kind of rule and reason.", "kind", "reason"
        )
        self.volume_holder = self._gauge("volume_holder", "1 where this process evaluates the volume rules, else 0.")
        self.volume_last = self._gauge(
            "volume_last_evaluation_timestamp_seconds", "When this process last evaluated the volume rules."
        )
        self.outbox_oldest = self._gauge(
            "outbox_oldest_timestamp_seconds", "When the oldest match that is not relayed was raised; 0 is none."
        )
        self.label_overflow = self._counter(
            "label_overflow_total", "Counts that went to the label value 'other', as too many values exist.", "label"
        )

    def _declare_edges(self) -> None:
        self.published = self._counter("articles_published_total", "Articles that the broker acknowledged.", "way")
        self.rejected = self._counter("articles_rejected_total", "Input refused by a producer.", "way", "reason")
        self.http_requests = self._counter("http_requests_total", "HTTP requests answered.", "route", "status")
        self.http_duration = self._histogram(
            "http_request_duration_seconds", "Time to answer an HTTP request.", DURATION_SECONDS, "route"
        )
        self.feed_fetches = self._counter("feed_fetches_total", "Feed polls by outcome.", "outcome")
        self.feed_duplicates = self._counter(
            "feed_duplicates_dropped_total", "Articles of feeds that were published before as they are."
        )
        self.hub_requests = self._counter(
            "feed_hub_requests_total", "Hubs asked to subscribe or unsubscribe us, by outcome.", "mode", "outcome"
        )
        self.pushes = self._counter(
            "feed_pushes_total", "Pushes that hubs sent, by outcome; forged: the signature is wrong.", "outcome"
        )
        self.pages = self._counter(
            "feed_pages_total",
            "Article pages asked for their full text, by outcome; robots: the site forbids it.",
            "outcome",
        )
        self.feeds = self._gauge(
            "feeds", "Listed feeds by health: ok, new, silent (below its own rhythm), failing, ended.", "health"
        )
        self.sse_clients = self._gauge("sse_clients", "Connections to the alert stream.")

        self.notifications_decided = self._counter(
            "notifications_decided_total",
            "Notifications put into a receiver's queue: first, escalated, updated, repeat, digest.",
            "reason",
        )
        self.alerts_held_back = self._counter(
            "alerts_held_back_total",
            "Alerts that a receiver was not told of, now or at all, once per alert, receiver and reason: quiet-hours, "
            "silenced, acknowledged, inhibited, old, not-wanted, already-told.",
            "reason",
        )
        self.notifier_lost = self._counter(
            "notifier_feed_trimmed_total", "Times that the feed had dropped alerts before the notifier came to them."
        )
        self.rule_verdicts = self._gauge("rule_verdicts", "Verdicts on the alerts of a rule.", "rule", "verdict")
        self.rule_precision = self._gauge(
            "rule_precision", "Of a rule's alerts that were judged true or false, the part that is true.", "rule"
        )

    def _declare_delivery(self) -> None:
        self.delivery_attempts = self._counter(
            "delivery_attempts_total", "Tries to send a notification, by what came back.", "receiver", "outcome"
        )
        self.delivered = self._counter("delivery_delivered_total", "Notifications that a receiver has.", "receiver")
        self.given_up = self._counter(
            "delivery_given_up_total", "Notifications given up after their last try.", "receiver"
        )
        self.raised_to_delivered = self._histogram(
            "alert_to_delivery_seconds",
            "From the raising of an alert to its first notification at a receiver.",
            LATENCY_SECONDS,
            "receiver",
        )
        self.delivery_queue = self._gauge("delivery_queue_notifications", "Notifications to be sent.", "receiver")
        self.delivery_oldest = self._gauge(
            "delivery_oldest_timestamp_seconds",
            "When the oldest notification was made, of the hundred that are due first; 0 is none.",
            "receiver",
        )
        self.delivery_breaker = self._gauge(
            "delivery_breaker_state", "Circuit breaker of a receiver: 0 closed, 1 half-open, 2 open.", "receiver"
        )
        self.delivery_disabled = self._gauge(
            "delivery_receiver_disabled", "1: the receiver said that it is gone (410), and gets nothing.", "receiver"
        )

    def describe_build(self, *, spacy_model: str) -> None:
        """Set the labels of ``wirewatch_build_info``; ``spacy_model`` names the trained pipelines in use."""
        self.build.info({"version": __version__, "spacy_model": spacy_model})

    def bounded(self, label: str, value: str) -> str:
        """``value``, or ``other`` once ``label`` has more than ``label_values_max`` values (counted as overflow)."""
        values = self._label_values.setdefault(label, set())
        if value in values:
            return value
        if len(values) >= self.label_values_max:
            self.label_overflow.labels(label).inc()
            return "other"
        values.add(value)
        return value

    def with_process_metrics(self) -> Metrics:
        """Add the process's own memory, CPU and file descriptors; once, in the process's main module."""
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        return self
