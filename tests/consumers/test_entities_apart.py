"""The stage ``entities`` in real worker processes with a real spaCy pipeline."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from consumers.entities import EXTRACTION
from tests.consumers.dangerous import APART, make_pipeline
from tests.wirewatch.stages import PARTITIONS, embedded, messages, publish_texts, running, source_offsets
from wirewatch import dead_letters
from wirewatch.codec import decode
from wirewatch.topics import DEAD_LETTERS, ENTITIES

SENTENCE = "De secretaris-generaal van de NAVO sprak gisteren in Brussel met de Iraakse premier over de missie"

PARENT = """
import sys
from pathlib import Path
from consumers.entities import EXTRACTION
from tests.wirewatch.stages import embedded, messages, publish_texts, running
from wirewatch.topics import ENTITIES
broker = embedded(Path(sys.argv[1]))
publish_texts(broker, [sys.argv[2]], language="nl")
with running(EXTRACTION, broker, worker_processes=1, models_dir=Path(sys.argv[1])) as stage:
    stage.until(lambda: len(messages(broker, ENTITIES.name)) == 1)
print(sorted(name for name in sys.modules if name.split(".")[0] in ("spacy", "thinc")))
"""


@pytest.mark.parametrize(
    ("word", "reason"), [("die", "worker-crash"), ("eat", "worker-crash"), ("hang", "worker-timeout")]
)
def test_an_article_that_ends_its_worker_is_dead_lettered_and_the_others_have_their_entities(
    tmp_path: Path, word: str, reason: str
) -> None:
    make_pipeline(tmp_path)
    broker = embedded(tmp_path)
    publish_texts(broker, [SENTENCE] * 4 + [f"{SENTENCE} {word}"] + [SENTENCE] * 4, language="nl")
    limits = {"worker_job_seconds": 2 if word == "hang" else 30, "worker_memory_bytes": 3 << 30}
    stage = replace(EXTRACTION, apart=APART)
    with running(stage, broker, worker_processes=1, models_dir=tmp_path, **limits) as running_stage:
        running_stage.until(lambda: len(messages(broker, ENTITIES.name)) == 9)
        assert running_stage.value("build_info", version="0.1.0", spacy_model="nl_dangerous-0") == 1
    assert source_offsets(broker, ENTITIES.name) == {p: [0, 1, 2] for p in range(PARTITIONS)}
    records = [decode(ENTITIES, message.value) for message in messages(broker, ENTITIES.name)]
    assert sorted(record.status for record in records) == ["dlq"] + ["ok"] * 8
    (letter,) = messages(broker, DEAD_LETTERS.name)
    assert dead_letters.parse_headers(letter).reason == reason


def test_the_process_that_holds_the_brokers_clients_never_imports_spacy(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PARENT, str(tmp_path), SENTENCE],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
