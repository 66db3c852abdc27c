"""``wirewatch publish`` as a user runs it, on the embedded log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.producers.archives import crawl
from tests.producers.log import Log
from wirewatch.settings import Settings
from wirewatch.sqlite_broker import SqliteBroker

GOOD = '{"title": "NAVO schort op", "url": "https://nieuws.example/1"}\n'


COMMAND = (sys.executable, "-m", "wirewatch", "publish")


def environment() -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("WIREWATCH_", "KAFKA_"))}
    return {**clean, "PYTHONPATH": str(Path(__file__).parents[3])}


def publish(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command in ``folder``, with its log below it and no settings of this machine."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def log_in(folder: Path) -> Log:
    settings = Settings(data_dir=folder / ".data")
    return Log(SqliteBroker(settings.data_dir / "log.sqlite3"), settings)


def test_good_articles_are_published_and_bad_ones_are_shown_and_kept(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(GOOD + "{}\n" + '{"title": "Iran"}\n')
    result = publish(tmp_path, "a.jsonl")
    assert result.stdout == "2 articles published, 1 rejected (kept in dead letters)\n"
    assert result.stderr == "a.jsonl:2: empty: there is neither a title nor a text\n"
    assert result.returncode == 1
    log = log_in(tmp_path)
    assert {article.title for article in log.articles()} == {"NAVO schort op", "Iran"}
    [(letter, original)] = log.dead_letters()
    assert (letter.origin, letter.stage, original) == ("a.jsonl:2", "publish", b"{}")
    log.close()


def test_publishing_the_same_file_twice_gives_every_article_the_same_id(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(GOOD)
    for _ in range(2):
        result = publish(tmp_path, "a.jsonl")
        assert (result.returncode, result.stdout) == (0, "1 article published, 0 rejected\n")
    log = log_in(tmp_path)
    assert len(log.articles()) == 2
    assert len({article.id for article in log.articles()}) == 1
    log.close()


def test_standard_input_is_recognised_by_its_content(tmp_path: Path) -> None:
    result = publish(tmp_path, "-", "--json", stdin=GOOD + "[]\n")
    accepted, rejected = map(json.loads, result.stdout.splitlines())
    assert (accepted["origin"], accepted["status"], len(accepted["id"])) == ("stdin:1", "accepted", 32)
    assert (rejected["origin"], rejected["status"], rejected["reason"]) == ("stdin:2", "rejected", "invalid")


def test_a_dry_run_shows_the_articles_and_touches_no_broker(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Een kop\n\nTekst.")
    result = publish(tmp_path, "--dry-run", "--source", "De Krant", "a.txt")
    assert result.stdout == "a.txt: Een kop (De Krant)\n1 article would be published, 0 rejected\n"
    assert not (tmp_path / ".data").exists()


def test_a_path_that_is_missing_is_one_line_and_publishes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(GOOD)
    result = publish(tmp_path, "a.jsonl", "b.jsonl")
    assert result.returncode == 1
    assert result.stderr == "wirewatch: b.jsonl: there is no such file or folder\n"
    log = log_in(tmp_path)
    assert log.articles() == []
    log.close()


def test_wrong_use_is_exit_code_2(tmp_path: Path) -> None:
    assert publish(tmp_path).returncode == 2
    assert publish(tmp_path, "-", "--format", "pdf").returncode == 2
    assert publish(tmp_path, "--watch", "missing").returncode == 2


def test_every_kind_of_file_is_published_and_what_is_no_article_is_counted(tmp_path: Path) -> None:
    (tmp_path / "crawl.warc.gz").write_bytes(crawl())
    samples = Path(__file__).parents[2] / "data/readers"
    result = publish(tmp_path, str(samples), "crawl.warc.gz", "--json")
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) == 9
    assert "9 articles published, 0 rejected\n" in result.stderr
    assert "crawl.warc.gz: skipped: 1 record: answers other than 200\n" in result.stderr


def test_a_watched_folder_is_emptied_until_a_signal_ends_it(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / "a.jsonl").write_text(GOOD)
    with subprocess.Popen(
        [*COMMAND, "--watch", "inbox"], cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = next(line for line in process.stderr if "a.jsonl" in line)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert said == "inbox/a.jsonl: 1 article published, 0 rejected; moved to inbox/done/a.jsonl\n"
    assert (folder / "done/a.jsonl").read_text() == GOOD


def test_a_reader_of_the_output_that_goes_away_is_not_taken_for_the_end(tmp_path: Path) -> None:
    lines = "".join(f'{{"title": "{n}"}}\n' for n in range(20_000))
    (tmp_path / "a.jsonl").write_text(lines)
    with subprocess.Popen(
        [*COMMAND, "a.jsonl", "--json"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "accepted" in process.stdout.readline()
        process.stdout.close()
        assert "standard output was closed, so reading stopped" in process.stderr.read()
        assert process.wait(30) == 1
