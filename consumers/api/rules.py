"""``/v1/rules``: the rules in use, and putting others into use."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated

from fastapi import APIRouter, Header, Response

from consumers.api.answers import RefusedError, json
from consumers.api.backend import Backend
from consumers.api.bodies import body
from consumers.api.gate import READS, Admin
from consumers.api.rule_answers import NAME, RULES_EXAMPLE, TEXT_BYTES_MAX, RulesAnswer, RulesText, answer, problems
from consumers.api.schemas import BODY, Responses, documented, takes
from consumers.rules_in_use import InUse, RulesInUse, SavedRules
from wirewatch.errors import UserError

_TAG = re.compile(r'"([^"]*)"')
IfMatch = Annotated[
    str | None,
    Header(max_length=200, description="The ETag of the rules that you changed: 412 where others are in use."),
]


def _changed(description: str, *failures: int) -> Responses:
    found = documented(RulesAnswer, description, 412, *failures)
    found[200]["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "For If-Match."}}
    return found


class _AtHand:
    """The rules, looked up at the first question: the server starts without Redis."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.saved = SavedRules(backend.client, backend.settings.redis_prefix)

    def in_use(self) -> InUse:
        """As they are now. Raises StoreUnavailable, and UserError where no rules are fit to be used."""
        return self._looked.in_use()

    @cached_property
    def _looked(self) -> RulesInUse:
        return RulesInUse(self._backend.settings, self._backend.client, look_seconds=0)

    def shown(self, rules: InUse) -> Response:
        """Rules as an answer."""
        found = answer(rules, self._backend.life.precisions())
        return json(found, headers={"ETag": f'"{found.version}"'})


def router(backend: Backend) -> APIRouter:
    """The endpoints, over this backend."""
    routes = APIRouter(tags=["rules"], dependencies=[READS])
    at_hand = _AtHand(backend)

    @routes.get("/v1/rules", responses=_changed("The rules in use.", 503))
    def get_rules() -> Response:
        """The rules in use: their text, where they come from, and what people said of the alerts of each."""
        return at_hand.shown(at_hand.in_use())

    @routes.put(
        "/v1/rules",
        responses=_changed("The rules that are now in use.", *BODY, 503),
        openapi_extra=takes(RulesText, RULES_EXAMPLE),
    )
    def put_rules(
        caller: Admin, given: Annotated[RulesText, body(RulesText, TEXT_BYTES_MAX)], if_match: IfMatch = None
    ) -> Response:
        """Put other rules into use, everywhere within seconds. What has mistakes is refused with their lines.

        With the ETag of `GET /v1/rules` as If-Match nobody's change is overwritten.
        """
        expected = _expected(if_match, at_hand.in_use())
        try:
            rules = backend.check_rules(given.text)
        except UserError as error:
            found = problems(error)
            raise RefusedError(422, "invalid", f"{len(found)} mistakes in the rules", problems=found) from error
        now = datetime.now(UTC)
        if not at_hand.saved.save(given.text, by=caller.name, now=now, expected=expected):
            raise _other()
        return at_hand.shown(InUse(rules=rules, text=given.text, origin="saved", name=NAME, at=now, by=caller.name))

    @routes.delete("/v1/rules", responses=_changed("The rules that are now in use.", 422, 503))
    def reset_rules(_: Admin, if_match: IfMatch = None) -> Response:
        """Forget the saved rules: back to those of the file, or the shipped ones."""
        _expected(if_match, at_hand.in_use())
        at_hand.saved.reset()
        return at_hand.shown(at_hand.in_use())

    return routes


def _expected(if_match: str | None, in_use: InUse) -> str | None:
    """What must be saved for a change to go ahead: a version, empty for nothing, None for whatever it is.

    Raises RefusedError with 412 where other rules are in use than If-Match names.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    if in_use.rules.version not in _TAG.findall(if_match):
        raise _other()
    return in_use.rules.version if in_use.origin == "saved" else ""


def _other() -> RefusedError:
    return RefusedError(412, "changed", "other rules are in use by now than those you changed: read them again")
