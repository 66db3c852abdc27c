"""The lanes of `make test` name files that exist, and put together what shares a server."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests import lanes
from tests.house.repository import tracked_python


@pytest.mark.parametrize(
    ("nodeid", "lane"),
    [
        ("tests/live/test_kafka_path.py::TestKafkaPath::test_a[redis]", "the shared Kafka"),
        ("tests/live/test_kafka_producer.py::test_a", "the shared Kafka"),
        ("tests/live/test_kafka_away.py::test_a", "tests/live/test_kafka_away.py"),
        ("tests/consumers/api/test_api.py::test_a[x::y]", "the shared API server"),
        ("tests/consumers/test_text.py::test_a[x::y]", "tests/consumers/test_text.py"),
    ],
)
def test_a_test_is_in_the_lane_of_its_server_else_of_its_file(nodeid: str, lane: str) -> None:
    assert lanes.lane(nodeid) == lane


def test_long_lanes_come_first_and_each_in_one_piece() -> None:
    files = sorted((str(path) for path in tracked_python("tests") if path.name.startswith("test_")), key=lanes.rank)
    assert [lanes.lane(file) for file in files[:2]] == ["tests/live/test_chaos.py", "the shared Kafka"]
    found = [lanes.lane(file) for file in files]
    assert sum(a != b for a, b in pairwise(found)) + 1 == len(set(found))


@pytest.mark.parametrize("start", [*lanes.LONGEST_FIRST, *(file for files in lanes.SHARED.values() for file in files)])
def test_what_a_lane_names_exists(start: str) -> None:
    assert any(str(path).startswith(start) for path in tracked_python("tests"))
