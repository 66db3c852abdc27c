"""``/v1/rules/check``, ``/explain``, ``/backtest``: what rules would do, without putting them into use."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Response

from consumers.actors import mentions_of
from consumers.api.answers import RefusedError, json
from consumers.api.backend import Backend
from consumers.api.bodies import body, invalid
from consumers.api.gate import READS
from consumers.api.rule_answers import RULES_EXAMPLE, TEXT_BYTES_MAX, CheckAnswer, RulesText, problems
from consumers.api.schemas import BODY, documented, takes
from consumers.api.turns import Turns
from consumers.backtest import Backtest
from consumers.explaining import Explanation, explain
from consumers.moments import parse_since
from consumers.recognise import Recogniser, compile_watchlist
from consumers.rules import RuleSet
from consumers.rules_in_use import rules_now
from consumers.rules_tried import article_of_log, try_rules
from wirewatch.broker import Message
from wirewatch.errors import UserError
from wirewatch.records import Article, Mentions
from wirewatch.stage import Received
from wirewatch.topics import ARTICLES

ARTICLE_CHARS_MAX = 100_000
_Line = Annotated[str, msgspec.Meta(max_length=2_000)]
_Text = Annotated[str, msgspec.Meta(max_length=ARTICLE_CHARS_MAX)]


class GivenArticle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An article that is not published."""

    title: _Line
    text: _Text = ""
    summary: _Text | None = None
    source: _Line = ""
    url: _Line | None = None
    language: Annotated[str, msgspec.Meta(max_length=35)] | None = None


class ExplainQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An article, by the id of one in the log or as it is. ``rules``: text of others than those in use."""

    article_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    article: GivenArticle | None = None
    rules: str | None = None


class ExplainAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of every rule, in their order."""

    article_id: str | None
    title: str
    language: str | None
    rules_version: str
    rules: tuple[Explanation, ...]


class BacktestQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The text of rules to be tried, and since when: as in queries, e.g. `7d`."""

    text: str
    since: Annotated[str, msgspec.Meta(max_length=40)] = "7d"


_ARTICLE = {"title": "NATO and Iran meet", "text": "The talks took place in Geneva.", "source": "Wire"}
_NEITHER = "give either the id of an article in the log (article_id) or an article (article)"
_UNKNOWN = "the log holds no such article, or it was not found soon enough: `wirewatch rules explain` looks for longer"


def router(backend: Backend) -> APIRouter:
    """The endpoints, over this backend."""
    routes = APIRouter(tags=["rules"], dependencies=[READS])
    trials = _Trials(backend)

    @routes.post(
        "/v1/rules/check",
        responses=documented(CheckAnswer, "What the text is.", *BODY, 503),
        openapi_extra=takes(RulesText, RULES_EXAMPLE),
    )
    def check_text(given: Annotated[RulesText, body(RulesText, TEXT_BYTES_MAX)]) -> Response:
        """Whether a text could be put into use as rules, with the line of each mistake. Changes nothing."""
        try:
            rules = backend.check_rules(given.text)
        except UserError as error:
            return json(CheckAnswer(valid=False, version=None, rules=(), problems=problems(error)))
        ids = tuple(rule.id for rule in (*rules.rules, *rules.volume))
        return json(CheckAnswer(valid=True, version=rules.version, rules=ids, problems=()))

    @routes.post(
        "/v1/rules/explain",
        responses=documented(ExplainAnswer, "One entry per rule.", 404, *BODY, 503),
        openapi_extra=takes(ExplainQuery, {"article": _ARTICLE}),
    )
    def explain_article(asked: Annotated[ExplainQuery, body(ExplainQuery, TEXT_BYTES_MAX)]) -> Response:
        """For each rule why it matches an article, or which of its conditions fails. Changes nothing.

        The article is one of the log, by its id, or one that you send; the rules are those in use, or those you send.
        """
        if (asked.article_id is None) == (asked.article is None):
            raise invalid("body", _NEITHER)
        rules = trials.rules(asked.rules, "body.rules")
        mentions = trials.mentions(asked)
        found = ExplainAnswer(
            article_id=mentions.article_id,
            title=mentions.title,
            language=mentions.language,
            rules_version=rules.version,
            rules=explain(rules, mentions),
        )
        return json(found)

    @routes.post(
        "/v1/rules/backtest",
        responses=documented(Backtest, "What they would have raised.", *BODY, 503),
        openapi_extra=takes(BacktestQuery, {**RULES_EXAMPLE, "since": "7d"}),
    )
    def backtest_rules(asked: Annotated[BacktestQuery, body(BacktestQuery, TEXT_BYTES_MAX)]) -> Response:
        """What rules would have raised on the articles that the log holds, beside those in use. Changes nothing.

        At most the newest 20,000 records, for at most ten seconds, one request at a time: `complete` says whether that
        was all; `wirewatch rules backtest` takes its time.
        """
        try:
            since = parse_since(asked.since, datetime.now(UTC))
        except ValueError as error:
            raise invalid("body.since", str(error)) from error
        return json(trials.backtest(trials.rules(asked.text, "body.text"), since))

    return routes


class _Trials:
    """Tries rules, one request at a time."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._turns = Turns()
        self._recogniser: Recogniser | None = None

    def rules(self, text: str | None, where: str) -> RuleSet:
        """The rules of a text, or without one those in use. Raises RefusedError for mistakes."""
        if text is None:
            return rules_now(self._backend.settings, self._backend.client).rules
        try:
            return self._backend.check_rules(text)
        except UserError as error:
            found = problems(error)
            raise RefusedError(422, "invalid", f"{where}: mistakes in the rules", problems=found) from error

    def mentions(self, asked: ExplainQuery) -> Mentions:
        """What the article names. Raises RefusedError, BrokerUnavailable."""
        with self._turns.turn():
            if asked.article is not None:
                return self._recognised(asked.article)
            with closing(self._backend.admin()) as admin:
                found = article_of_log(admin, asked.article_id or "")
        if found is None:
            raise RefusedError(404, "not-found", _UNKNOWN)
        return found

    def _recognised(self, given: GivenArticle) -> Mentions:
        if self._recogniser is None:
            self._recogniser = compile_watchlist(self._backend.watchlist)
        article = Article(
            id="",
            title=given.title,
            text=given.text,
            summary=given.summary,
            source=given.source,
            url=given.url,
            language=given.language.lower() if given.language else None,
            first_seen=datetime.now(UTC),
            content_hash="",
        )
        return mentions_of(Received(article, Message(ARTICLES.name, 0, 0, 0, None, b"")), self._recogniser)

    def backtest(self, candidate: RuleSet, since: datetime) -> Backtest:
        """Raises RefusedError, BrokerUnavailable, StoreUnavailable."""
        settings = self._backend.settings
        current = rules_now(settings, self._backend.client).rules
        with self._turns.turn(), closing(self._backend.admin()) as admin:
            return try_rules(admin, candidate, current, settings, since=since)
