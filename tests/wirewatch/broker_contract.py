"""What both brokers must do: one class of tests, run over the embedded log and over real Apache Kafka.

A subclass gives the fixture ``under_test``. Every test makes a topic and a group of its own, so that they may share
one server.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

import pytest

from tests.wirewatch.broker_driving import (
    PARTITIONS,
    WAIT_SECONDS_MAX,
    UnderTest,
    all_partitions,
    count,
    everything,
    member,
    note_first,
    publish,
    publish_everywhere,
    read_messages,
    says,
    settle,
    until,
)
from tests.wirewatch.retention_contract import RetentionContract
from wirewatch.broker import Broker, Headers, Message, TopicPartition, TopicSpec
from wirewatch.errors import Rebalanced, StoreUnavailable, UserError


class BrokerContract(RetentionContract):
    """Inherit, and give ``under_test``."""

    @pytest.fixture
    def under_test(self) -> UnderTest:
        raise NotImplementedError

    @pytest.fixture
    def broker(self, under_test: UnderTest) -> Broker:
        return under_test.broker

    @pytest.fixture
    def topic(self, broker: Broker) -> str:
        name = f"contract-{uuid.uuid4().hex}"
        with closing(broker.admin()) as admin:
            assert admin.create_topics([TopicSpec(name, PARTITIONS, -1)]) == [name]
        return name

    # Writing

    def test_a_partition_keeps_the_order_in_which_it_was_written(self, broker: Broker, topic: str) -> None:
        values = [b"%d" % n for n in range(500)]
        publish(broker, topic, values, partition=2)
        messages = everything(broker, topic)[TopicPartition(topic, 2)]
        assert [message.value for message in messages] == values
        assert [message.offset for message in messages] == list(range(500))

    def test_the_same_key_always_goes_to_the_same_partition(self, broker: Broker, topic: str) -> None:
        with closing(broker.producer()) as producer:
            for n in range(200):
                producer.send(topic, b"%d" % n, key=b"key %d" % (n % 20))
            producer.flush()
        partitions: dict[bytes | None, set[int]] = {}
        for where, messages in everything(broker, topic).items():
            for message in messages:
                partitions.setdefault(message.key, set()).add(where.partition)
        assert [len(found) for found in partitions.values()] == [1] * 20
        assert len(set.union(*partitions.values())) > 1

    def test_an_explicit_partition_wins_over_the_key(self, broker: Broker, topic: str) -> None:
        for partition in range(PARTITIONS):
            publish(broker, topic, [b"x"], key=b"the same", partition=partition)
        counts = {where.partition: len(found) for where, found in everything(broker, topic).items()}
        assert counts == dict.fromkeys(range(PARTITIONS), 1)

    @pytest.mark.parametrize(
        ("key", "value", "headers"),
        [
            (None, b"no key", ()),
            (b"empty", b"", ()),
            (b"", b"empty key", ()),
            (b"\xff\x00", bytes(range(256)), (("name", b""), ("name", b"twice"), ("naïve", b"\x00\xff"))),
            (b"large", os.urandom(1000) * 800, (("src.offset", b"12"),)),
        ],
        ids=["no key", "empty value", "empty key", "bytes of every kind", "800 KB"],
    )
    def test_a_record_comes_back_as_it_was_sent(
        self, broker: Broker, topic: str, key: bytes | None, value: bytes, headers: Headers
    ) -> None:
        before = time.time_ns() // 1_000_000
        publish(broker, topic, [value], key=key, headers=headers, partition=1)
        ((message,),) = everything(broker, topic).values()
        assert (message.key, message.value, message.headers) == (key, value, headers)
        assert before - 1000 <= message.timestamp_ms <= time.time_ns() // 1_000_000 + 1000

    def test_a_delivery_tells_where_the_record_stands(self, broker: Broker, topic: str) -> None:
        with closing(broker.producer()) as producer:
            deliveries = [producer.send(topic, b"%d" % n, key=b"%d" % n) for n in range(50)]
            producer.flush()
            told = {delivery.position(): b"%d" % n for n, delivery in enumerate(deliveries)}
        read = {(m.partition, m.offset): m.value for found in everything(broker, topic).values() for m in found}
        assert told == read

    def test_what_was_flushed_survives_a_crash_of_the_broker(
        self, under_test: UnderTest, broker: Broker, topic: str
    ) -> None:
        publish(broker, topic, [b"%d" % n for n in range(100)], partition=0)
        with closing(broker.consumer(topic, [topic])) as consumer:
            read = read_messages(consumer, 100)
            consumer.commit({TopicPartition(topic, 0): 60})
        under_test.restart()
        assert everything(under_test.broker, topic) == read
        with closing(under_test.broker.admin()) as admin:
            assert admin.committed(topic, topic) == {0: 60}

    # Reading in a group

    def test_two_members_share_the_partitions_and_read_everything_once(self, broker: Broker, topic: str) -> None:
        with closing(broker.consumer(topic, [topic])) as first, closing(broker.consumer(topic, [topic])) as second:
            settle(first, second)
            assert first.assignment() | second.assignment() == all_partitions(topic)
            assert not first.assignment() & second.assignment()
            publish_everywhere(broker, topic, 50)
            read: Counter[tuple[int, int]] = Counter()
            until(lambda: len(read) == 50 * PARTITIONS, lambda: count(read, first, second))
            assert set(read.values()) == {1}

    def test_members_that_are_busy_between_short_polls_settle_all_the_same(self, broker: Broker, topic: str) -> None:
        with closing(broker.consumer(topic, [topic])) as first, closing(broker.consumer(topic, [topic])) as second:
            settle(first)

            def work_and_poll() -> None:
                for consumer in (first, second):
                    consumer.poll(0.02, 1)
                    time.sleep(0.25)  # the work of a member: what it asked of the group is answered meanwhile

            until(lambda: len(first.assignment()) == len(second.assignment()) == PARTITIONS // 2, work_and_poll)

    def test_the_partitions_of_a_member_that_closes_go_to_the_others(self, broker: Broker, topic: str) -> None:
        with closing(broker.consumer(topic, [topic])) as first:
            with closing(broker.consumer(topic, [topic])) as second:
                settle(first, second)
                assert len(first.assignment()) == PARTITIONS // 2
            until(lambda: first.assignment() == all_partitions(topic), lambda: first.poll(0.1, 1))

    def test_what_a_killed_member_had_not_committed_is_read_by_another(
        self, under_test: UnderTest, broker: Broker, topic: str
    ) -> None:
        publish(broker, topic, [b"%d" % n for n in range(20)], partition=3)
        with member(under_test, topic) as process:
            assert says(process) == "read 20"
            process.send_signal(signal.SIGKILL)
            process.wait()
            with closing(broker.consumer(topic, [topic])) as consumer:
                values = [m.value for m in read_messages(consumer, 20)[TopicPartition(topic, 3)]]
                assert values == [b"%d" % n for n in range(20)]

    def test_a_member_that_slept_while_the_group_went_on_cannot_commit(
        self, under_test: UnderTest, broker: Broker, topic: str
    ) -> None:
        publish(broker, topic, [b"x"] * 20, partition=3)
        with member(under_test, topic) as process:
            assert says(process) == "read 20"
            process.send_signal(signal.SIGSTOP)
            with closing(broker.consumer(topic, [topic])) as consumer:
                until(lambda: bool(consumer.assignment()), lambda: consumer.poll(0.1, 1))
                process.send_signal(signal.SIGCONT)
                assert process.stdin is not None
                process.stdin.write("commit\n")
                process.stdin.flush()
                assert says(process) == "refused"

    def test_a_partition_that_was_given_up_cannot_be_committed(self, broker: Broker, topic: str) -> None:
        publish_everywhere(broker, topic, 5)
        with closing(broker.consumer(topic, [topic])) as first:
            batch = read_messages(first, 5 * PARTITIONS)
            with closing(broker.consumer(topic, [topic])) as second:
                settle(first, second)
                lost = next(iter(second.assignment()))
                with pytest.raises(Rebalanced):
                    first.commit({lost: batch[lost][-1].offset + 1})
        with closing(broker.admin()) as admin:
            assert lost.partition not in admin.committed(topic, topic)

    def test_a_new_member_goes_on_where_the_group_committed(self, broker: Broker, topic: str) -> None:
        publish_everywhere(broker, topic, 10)
        with closing(broker.consumer(topic, [topic])) as first:
            read_messages(first, 10 * PARTITIONS)
            first.commit({TopicPartition(topic, 0): 10, TopicPartition(topic, 1): 4})
        with closing(broker.consumer(topic, [topic])) as second:
            read = read_messages(second, 6 + 10 + 10)
            assert {where.partition: found[0].offset for where, found in read.items()} == {1: 4, 2: 0, 3: 0}

    def test_the_position_of_the_store_wins_over_the_committed_one(self, broker: Broker, topic: str) -> None:
        publish_everywhere(broker, topic, 10)
        with closing(broker.consumer(topic, [topic])) as first:
            read_messages(first, 10 * PARTITIONS)
            first.commit({TopicPartition(topic, partition): 9 for partition in range(PARTITIONS)})

        def stored(partitions: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
            return {where: 7 for where in partitions if where.partition == 1}

        with closing(broker.consumer(topic, [topic], stored)) as second:
            read = read_messages(second, 3 + 10 * (PARTITIONS - 1))
            firsts = {where.partition: found[0].offset for where, found in read.items()}
            assert firsts == {0: 0, 1: 7, 2: 0, 3: 0}

    def test_the_store_is_asked_again_after_every_change_of_the_group(self, broker: Broker, topic: str) -> None:
        publish_everywhere(broker, topic, 10)
        position = 2

        def stored(partitions: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
            return dict.fromkeys(partitions, position)

        with closing(broker.consumer(topic, [topic], stored)) as first:
            read_messages(first, 8 * PARTITIONS)
            position = 6
            with closing(broker.consumer(topic, [topic], stored)) as second:
                seen: dict[TopicPartition, int] = {}
                until(lambda: len(seen) == PARTITIONS, lambda: note_first(seen, first, second))
                assert set(seen.values()) == {6}

    def test_a_store_that_is_away_is_asked_again_at_the_next_poll(self, broker: Broker, topic: str) -> None:
        publish(broker, topic, [b"x"] * 5, partition=0)
        away = True

        def stored(partitions: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
            if away:
                raise StoreUnavailable("away")
            return dict.fromkeys(partitions, 0)

        with closing(broker.consumer(topic, [topic], stored)) as consumer:
            with pytest.raises(StoreUnavailable):
                until(lambda: False, lambda: consumer.poll(0.2, 10))
            with pytest.raises(StoreUnavailable):
                consumer.poll(0.2, 10)
            away = False
            assert sum(map(len, read_messages(consumer, 5).values())) == 5

    def test_seek_reads_on_from_there_and_ignores_what_is_not_ours(self, broker: Broker, topic: str) -> None:
        publish(broker, topic, [b"%d" % n for n in range(10)], partition=0)
        where = TopicPartition(topic, 0)
        with closing(broker.consumer(topic, [topic])) as consumer:
            read_messages(consumer, 10)
            consumer.seek(TopicPartition("not-ours", 0), 3)
            for start in (7, 0, 9):
                consumer.seek(where, start)
                assert [m.offset for m in read_messages(consumer, 10 - start)[where]] == list(range(start, 10))

    def test_a_paused_partition_gives_nothing_and_goes_on_where_it_stood(self, broker: Broker, topic: str) -> None:
        publish_everywhere(broker, topic, 10)
        slow = TopicPartition(topic, 1)
        with closing(broker.consumer(topic, [topic])) as consumer:
            until(lambda: bool(consumer.assignment()), lambda: consumer.poll(0.1, 1))
            consumer.pause(all_partitions(topic))
            stood = {where: consumer.position(where) for where in all_partitions(topic)}
            assert consumer.poll(0.5, 100) == {}
            consumer.pause(frozenset({slow, TopicPartition("not-ours", 0)}))
            left = sum(10 - (stood[where] or 0) for where in all_partitions(topic) - {slow})
            assert slow not in read_messages(consumer, left)
            assert consumer.position(slow) == stood[slow]
            consumer.pause(frozenset())
            assert [m.offset for m in read_messages(consumer, 10 - (stood[slow] or 0))[slow]][-1] == 9
            assert consumer.position(TopicPartition("not-ours", 0)) is None

    def test_a_partition_paused_half_read_goes_on_once_it_is_resumed(self, broker: Broker, topic: str) -> None:
        publish_everywhere(broker, topic, 10)
        with closing(broker.consumer(topic, [topic])) as consumer:
            first: dict[TopicPartition, Sequence[Message]] = {}
            until(lambda: bool(first), lambda: first.update(consumer.poll(0.2, 1)))
            (half_read,) = first
            consumer.pause(frozenset({half_read}))
            assert half_read not in read_messages(consumer, 10 * (PARTITIONS - 1))
            consumer.pause(frozenset())
            assert [m.offset for m in read_messages(consumer, 9)[half_read]] == list(range(1, 10))

    def test_a_restart_asks_for_the_positions_again(self, broker: Broker, topic: str) -> None:
        publish_everywhere(broker, topic, 10)
        position = 8

        def stored(partitions: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
            return dict.fromkeys(partitions, position)

        with closing(broker.consumer(topic, [topic], stored)) as consumer:
            read_messages(consumer, 2 * PARTITIONS)
            position = 3
            consumer.restart()
            again = read_messages(consumer, 7 * PARTITIONS)
            assert {messages[0].offset for messages in again.values()} == {3}
            assert set(again) == all_partitions(topic)

    def test_a_poll_gives_no_more_than_was_asked_for(self, broker: Broker, topic: str) -> None:
        publish_everywhere(broker, topic, 25)
        with closing(broker.consumer(topic, [topic])) as consumer:
            sizes, total = [], 0
            deadline = time.monotonic() + WAIT_SECONDS_MAX
            while total < 25 * PARTITIONS and time.monotonic() < deadline:
                sizes.append(sum(map(len, consumer.poll(0.5, 7).values())))
                total += sizes[-1]
            assert total == 25 * PARTITIONS
            assert max(sizes) <= 7

    def test_lag_is_what_the_log_holds_behind_our_position(self, broker: Broker, topic: str) -> None:
        publish_everywhere(broker, topic, 10)
        with closing(broker.consumer(topic, [topic])) as consumer:
            read_messages(consumer, 10 * PARTITIONS)
            assert consumer.lag() == dict.fromkeys(all_partitions(topic), 0)
            consumer.seek(TopicPartition(topic, 2), 4)
            assert consumer.lag()[TopicPartition(topic, 2)] == 6
            read_messages(consumer, 6)
            publish(broker, topic, [b"x"] * 3, partition=1)
            one = consumer.poll(WAIT_SECONDS_MAX, 1)
            assert [where.partition for where in one] == [1]
            assert consumer.lag() == {where: 2 * (where.partition == 1) for where in all_partitions(topic)}

    def test_every_change_of_the_group_gives_its_members_a_later_generation(self, broker: Broker, topic: str) -> None:
        with closing(broker.consumer(topic, [topic])) as first:
            until(lambda: bool(first.assignment()), lambda: first.poll(0.1, 1))
            alone = first.membership()
            with closing(broker.consumer(topic, [topic])) as second:
                settle(first, second)
                assert first.membership().generation == second.membership().generation > alone.generation
                assert first.membership().member == alone.member != second.membership().member

    def test_a_group_without_a_position_starts_where_the_log_begins(
        self, under_test: UnderTest, broker: Broker, topic: str
    ) -> None:
        publish(broker, topic, [b"x"] * 20, partition=0)
        under_test.forget(topic, 0, 10)
        assert [m.offset for m in everything(broker, topic)[TopicPartition(topic, 0)]] == list(range(10, 20))

    # Topics, and reading without a group

    def test_records_can_be_read_without_a_group(self, under_test: UnderTest, broker: Broker, topic: str) -> None:
        publish(broker, topic, [b"%d" % n for n in range(30)], partition=2)
        with closing(broker.admin()) as admin:
            assert [m.value for m in admin.read(topic, 2, 25, 3)] == [b"25", b"26", b"27"]
            assert [m.offset for m in admin.read(topic, 2, 0, 100)] == list(range(30))
            assert admin.read(topic, 2, 30, 10) == []
            assert admin.read(topic, 1, 0, 10) == []
            under_test.forget(topic, 2, 28)
            assert [m.offset for m in admin.read(topic, 2, 0, 10)] == [28, 29]
            assert admin.offsets(topic) == {0: (0, 0), 1: (0, 0), 2: (28, 30), 3: (0, 0)}
            assert admin.committed("nobody", topic) == {}

    def test_creating_topics_twice_changes_nothing(self, broker: Broker, topic: str) -> None:
        publish(broker, topic, [b"x"])
        other = f"{topic}-other"
        with closing(broker.admin()) as admin:
            assert admin.create_topics([TopicSpec(topic, PARTITIONS, -1), TopicSpec(other, 1, 60_000)]) == [other]
            assert admin.create_topics([TopicSpec(topic, PARTITIONS, -1), TopicSpec(other, 1, 60_000)]) == []
            assert (admin.partitions(topic), admin.partitions(other)) == (PARTITIONS, 1)
        assert sum(map(len, everything(broker, topic).values())) == 1

    def test_another_number_of_partitions_is_refused_and_says_how_to_mend_it(self, broker: Broker, topic: str) -> None:
        with (
            closing(broker.admin()) as admin,
            pytest.raises(UserError, match=f"{PARTITIONS} partitions, not 7: set WIREWATCH_PARTITIONS={PARTITIONS}"),
        ):
            admin.create_topics([TopicSpec(topic, 7, -1)])

    def test_a_topic_that_does_not_exist_is_named_in_every_error(self, broker: Broker) -> None:
        with closing(broker.producer()) as producer, closing(broker.admin()) as admin:
            asked: list[Callable[[], object]] = [
                lambda: producer.send("no-such-topic", b"x"),
                lambda: broker.consumer("anybody", ["no-such-topic"]),
                lambda: admin.read("no-such-topic", 0, 0, 1),
            ]
            for ask in asked:
                with pytest.raises(UserError, match=r"no-such-topic.*run `wirewatch topics create`"):
                    ask()
            assert admin.partitions("no-such-topic") == 0
            assert admin.offsets("no-such-topic") == {}
