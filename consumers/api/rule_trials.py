"""``/v1/rules/check`` and the like: what rules would do, without putting them into use."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response

from consumers.api.answers import json
from consumers.api.backend import Backend
from consumers.api.bodies import body
from consumers.api.gate import READS
from consumers.api.rule_answers import RULES_EXAMPLE, TEXT_BYTES_MAX, CheckAnswer, RulesText, problems
from consumers.api.schemas import BODY, documented, takes
from wirewatch.errors import UserError


def router(backend: Backend) -> APIRouter:
    """The endpoints, over this backend."""
    routes = APIRouter(tags=["rules"], dependencies=[READS])

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

    return routes
