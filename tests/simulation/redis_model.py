"""What the scripts in consumers/*.lua promise, said again in Python; a test compares it with real servers.

``Model`` holds the data. ``SimClient`` is what the store and the relay use of redis-py, over a model, with faults.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tests.simulation.chance import Chance, Crash
from wirewatch.errors import StoreUnavailable

Fields = dict[str, str]
_LUA = Path(__file__).parents[2] / "consumers"


def _place(place: str) -> tuple[int, int]:
    source, _, n = place.partition("-")
    return int(source), int(n or 0)


class Model:
    """Keys by name: hashes and sorted sets as dict, sets as set, streams as dict of place to fields."""

    checks_position = True
    checks_seen = True
    checks_place = True

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.last_place: dict[str, tuple[int, int]] = {}
        self.gaps = 0
        self._now = 0

    def copy(self) -> bytes:
        return pickle.dumps((self.data, self.last_place))

    def restore(self, kept: bytes) -> None:
        self.data, self.last_place = pickle.loads(kept)  # noqa: S301 - our own

    def stream(self, name: str) -> dict[str, Fields]:
        found: dict[str, Fields] = self.data.get(name, {})
        return found

    def between(self, name: str, first: str, last: str) -> list[Any]:
        """The entries of a stream from one place to another, as XRANGE has them."""
        return [
            entry
            for entry in self.stream(name).items()
            if (first == "-" or _place(entry[0]) >= _place(first)) and (last == "+" or _place(entry[0]) <= _place(last))
        ]

    def add_to_stream(self, name: str, place: str, fields: Fields) -> None:
        assert _place(place) > self.last_place.get(name, (0, 0)), f"{name}: {place} is not behind the last place"
        self.last_place[name] = _place(place)
        self.data.setdefault(name, {})[place] = fields

    # The scripts

    def claim(self, keys: Sequence[str], args: Sequence[Any]) -> int:
        standing = self.data.setdefault(keys[0], {})
        generation, member = int(args[0]), str(args[1])
        has = int(standing.get("generation", -1)), standing.get("member")
        later = generation > has[0] or (generation == has[0] and member == has[1])
        if has[1] is not None and not later and not int(args[2]):
            return 0
        standing.update(generation=str(generation), member=member)
        return 1

    def hold(self, keys: Sequence[str], args: Sequence[Any]) -> int:
        standing = self.data.setdefault(keys[0], {})
        raised = max(int(standing.get("src", 0)), int(standing.get("raised", 0)))
        standing.update(held="1", raised=str(raised))
        return raised

    def apply(self, keys: Sequence[str], args: Sequence[Any]) -> list[Any]:
        call = msgspec.msgpack.decode(args[0])
        standing = self.data.get(keys[0], {})
        position = standing.get("next", "0")
        if "held" in standing:
            return [3, position]
        claimed = standing.get("generation"), standing.get("member")
        if call["member"] and claimed != (call["generation"], call["member"]):
            return [2, position]
        if position != call["expected"] and self.checks_position:
            return [0, position]
        letters, gaps, watermark = self._count(keys, call, standing)
        self.gaps += gaps
        standing = self.data.setdefault(keys[0], {})
        standing.update(next=call["following"], day=call["day"])
        if watermark is not None:
            standing["src"] = str(watermark)
        for number in call["forget"]:
            self.data.pop(keys[number - 1], None)
        return [1, call["following"], letters, gaps]

    def _count(
        self, keys: Sequence[str], call: Mapping[str, Any], standing: Mapping[str, str]
    ) -> tuple[str, int, int | None]:
        """Record by record, where the script first gathers: the result must be the same."""
        watermark = int(standing["src"]) if "src" in standing else None
        raised = int(standing.get("raised", 0))
        letters, gaps = "", 0
        for record in call["records"]:
            if watermark is not None and record["src"] < watermark:
                letters += "r"
                continue
            gaps += record["src"] - watermark if watermark is not None else 0
            watermark = record["src"] + 1
            day, id_ = call["days"][record["day"] - 1], record["id"]
            duplicate = any(id_ in self.data.get(keys[number - 1], ()) for number in day["window"])
            if id_:
                self.data.setdefault(keys[day["seen"] - 1], set()).add(id_)
            seen = bool(id_) and duplicate and self.checks_seen
            if (not seen or record["edit"]) and record["src"] >= raised:
                for n in range(0, len(record["matches"]), 2):
                    fields = {"id": record["matches"][n], "alert": record["matches"][n + 1], "sketch": record["sketch"]}
                    self.add_to_stream(keys[1], f"{record['src'] + 1}-{n // 2}", fields)
            if seen:
                letters += "d"
                self._add(keys, record["totals"], "dup", 1)
                continue
            letters += "c"
            for at in range(0, len(record["add"]), 3):
                self._add(keys, *record["add"][at : at + 3])
        return letters, gaps, watermark

    def _add(self, keys: Sequence[str], number: int, name: str, amount: int) -> None:
        own = self.data.setdefault(keys[number - 1], {})
        own[name] = own.get(name, 0) + amount

    def take(self, keys: Sequence[str], args: Sequence[Any]) -> int:
        for at in range(0, len(args), 3):
            self._append(keys[0], {"id": args[at], "alert": args[at + 1], "sketch": args[at + 2]})
        return len(args) // 3

    def standing(self, keys: Sequence[str], args: Sequence[Any]) -> list[str]:
        feed, ids = keys
        found = []
        for id_ in args:
            place = self.data.get(ids, {}).get(id_, "")
            found += [place, self.stream(feed).get(place, {}).get("alert", "")]
        return found

    def relay(self, keys: Sequence[str], args: Sequence[Any]) -> int:
        inbox, feed, ids, matches, of, trimmed, sending = keys
        call = msgspec.msgpack.decode(args[0])
        places = self.data.get(ids, {})
        if self.checks_place and any(places.get(alert["id"], "") != alert["place"] for alert in call["read"]):
            return 0
        known = self.data.get(matches, {})
        if self.checks_place and any(known.get(match["id"], "0") != match["known"] for match in call["known"]):
            return 0
        for revision in call["sending"]:
            self._append(sending, {"id": revision["id"], "alert": revision["alert"]})
        for alert in call["alerts"]:
            before = self.stream(feed).pop(alert["place"], None)
            first = (before and before["first"]) or alert["place"]
            fields = {"id": alert["id"], "alert": alert["alert"], "first": first}
            self.data.setdefault(ids, {})[alert["id"]] = self._append(feed, fields)
        for match in call["matches"]:
            self.data.setdefault(matches, {})[match["id"]] = match["revision"]
            self.data.setdefault(of, {})[f"{match['alert']}:{match['id']}"] = 0
        for place in call["done"]:
            self.stream(inbox).pop(place, None)
        for place in list(self.stream(feed))[: max(0, len(self.stream(feed)) - call["kept"])]:
            dropped = self.stream(feed).pop(place)["id"]
            for member in [each for each in self.data[of] if each.startswith(f"{dropped}:")]:
                del self.data[of][member]
                self.data[matches].pop(member.partition(":")[2], None)
            del self.data[ids][dropped]
            self.data[trimmed] = place
        return 1

    def assign(self, keys: Sequence[str], args: Sequence[Any]) -> int:
        call = msgspec.msgpack.decode(args[0])
        if self.data.get(keys[0], "") != call["expected"]:
            return 0
        self.data[keys[0]] = call["version"]
        for article in call["articles"]:
            self.data[keys[article["of"] - 1]] = article["story"]
            if article["kept"]:
                self.data[keys[article["piece"] - 1]] = article["kept"]
                for term in article["terms"]:
                    name = keys[term - 1]
                    self.data[name] = [*self.data.get(name, []), article["id"]][-call["terms_kept"] :]
                counts = self.data.setdefault(keys[article["common"] - 1], {})
                for term in ("n", *article["all"]):
                    counts[term] = str(int(counts.get(term, 0)) + 1)
        return 1

    def _append(self, name: str, fields: Fields) -> str:
        """As XADD * does: by the clock, which does not go back with what a server lost."""
        self._now += 1
        place = f"{self._now}-0"
        self.add_to_stream(name, place, fields)
        return place

    def script(self, text: str) -> Callable[[Sequence[str], Sequence[Any]], Any]:
        run: Callable[[Sequence[str], Sequence[Any]], Any] = getattr(self, _SCRIPTS[text])
        return run


_SCRIPTS = {
    (_LUA / f"{name}.lua").read_text("utf-8"): name.rpartition("/")[2]
    for name in ("apply", "claim", "hold", "take", "standing", "relay", "stories/assign")
}


class SimPipeline:
    """Commands sent together over one connection: any number of the first ones has its effect, in order."""

    def __init__(self, model: Model, call: Callable[..., Any]) -> None:
        self._model = model
        self._call = call
        self._queue: list[Callable[[], Any]] = []

    def __enter__(self) -> SimPipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self._queue = []

    def queue(self, effect: Callable[[], Any]) -> None:
        self._queue.append(effect)

    def xdel(self, name: str, *places: str) -> None:
        def delete() -> None:
            for place in places:
                self._model.stream(name).pop(place, None)

        self.queue(delete)

    def xrange(self, name: str, first: str, last: str) -> None:
        self.queue(lambda: self._model.between(name, first, last))

    def lrange(self, name: str, _: int, __: int) -> None:
        self.queue(lambda: list(self._model.data.get(name, [])))

    def execute(self) -> list[Any]:
        answer: list[Any] = self._call("pipeline", lambda: [effect() for effect in self._queue], self._queue[0])
        return answer


class SimClient:
    """One member's connection. A call may fail before, or after it had its effect."""

    def __init__(self, model: Model, chance: Chance, between: Callable[[], None]) -> None:
        self._model = model
        self._chance = chance
        self._between = between

    def _call(self, name: str, effect: Callable[[], Any], halfway: Callable[[], Any] | None = None) -> Any:
        fault = self._chance.fault(name)
        if fault == "crash before":
            raise Crash
        self._between()
        if fault == "away":
            raise StoreUnavailable(fault)
        if fault == "partial" and halfway is not None:
            halfway()
            raise StoreUnavailable(fault)
        answer = effect()
        if fault == "crash after":
            raise Crash
        if fault != "none":
            raise StoreUnavailable(fault)
        return answer

    def register_script(self, text: str) -> Callable[..., Any]:
        run = self._model.script(text)

        def script(keys: Sequence[str], args: Sequence[Any] = (), client: SimPipeline | None = None) -> Any:
            if client is not None:
                return client.queue(lambda: run(keys, args))
            return self._call("script", lambda: run(keys, args))

        return script

    def hmget(self, key: str, *fields: Any) -> list[str | None]:
        names = fields[0] if isinstance(fields[0], list) else fields
        return self._call("hmget", lambda: [self._model.data.get(key, {}).get(field) for field in names])  # type: ignore[no-any-return]

    def xread(self, places: Mapping[str, str], count: int, block: int | None = None) -> list[Any]:
        def read() -> list[Any]:
            found = []
            for name, after in places.items():
                entries = [e for e in self._model.stream(name).items() if _place(e[0]) > _place(after)][:count]
                if entries:
                    found.append([name, entries])
            return found

        return self._call("xread", read)  # type: ignore[no-any-return]

    def xrange(self, name: str, first: str = "-", last: str = "+", count: int | None = None) -> list[Any]:
        return self._call("xrange", lambda: self._model.between(name, first, last)[:count])  # type: ignore[no-any-return]

    def xdel(self, name: str, *places: str) -> None:
        self._call("xdel", lambda: [self._model.stream(name).pop(place, None) for place in places])

    def mget(self, names: Sequence[str]) -> list[str | None]:
        return self._call("mget", lambda: [self._model.data.get(name) for name in names])  # type: ignore[no-any-return]

    def pipeline(self, transaction: bool) -> SimPipeline:
        return SimPipeline(self._model, self._call)

    def xlen(self, name: str) -> int:
        return len(self._model.stream(name))

    def close(self) -> None:
        """Nothing is pending."""
