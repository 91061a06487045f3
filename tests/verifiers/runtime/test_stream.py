"""Judging a file into a file."""

import gzip
import json
import subprocess
import sys

import pytest

from verifiers.runtime.stream import verify_file

ROWS = [
    {"id": 1, "prediction": r"\boxed{5}", "gold": "5"},
    {"id": 2, "prediction": "It is 6", "gold": "5"},
    {"id": 3, "prediction": "5", "gold": "forty two"},
]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_rows_come_back_with_their_verdicts(tmp_path):
    source, out = write(tmp_path / "in.jsonl", ROWS), tmp_path / "out.jsonl"
    counts = verify_file(source, out, "math")
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["id"], row["status"], row["score"], row["extracted"]) for row in rows] == [
        (1, "judged", 1.0, "5"),
        (2, "judged", 0.0, "6"),
        (3, "abstained", None, "5"),
    ]
    assert rows[0]["prediction"] == ROWS[0]["prediction"] and rows[0]["steps"] == []
    assert {key: counts[key] for key in ("rows", "judged", "right", "abstained", "failed", "mean_score")} == {
        "rows": 3, "judged": 2, "right": 1, "abstained": 1, "failed": 0, "mean_score": 0.5,
    }  # fmt: skip
    assert counts["rows_per_s"] > 0


def test_steps_are_written_with_their_spans(tmp_path):
    source = write(tmp_path / "in.jsonl", [{"prediction": "7*3=1#1", "gold": "1", "prompt": "7*3?"}])
    verify_file(source, tmp_path / "out.jsonl", "chain")
    row = json.loads((tmp_path / "out.jsonl").read_text())
    assert row["steps"] == [{"start": 0, "end": 5, "status": "judged", "score": 1.0, "reason": "right"}]


def test_gzipped_files_and_options_and_lone_surrogates(tmp_path):
    source, out = tmp_path / "in.jsonl.gz", tmp_path / "out.jsonl.gz"
    with gzip.open(source, "wt") as lines:
        lines.write('{"prediction": "20% \\ud800", "gold": "20"}\n\n{"prediction": "20%", "gold": "20"}\n')
    counts = verify_file(source, out, "math", {"percent": "optional"})
    with gzip.open(out, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    assert counts["rows"] == 2 and rows[1]["score"] == 1.0
    assert rows[0]["prediction"] == "20% \ud800"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "a row is a JSON object, not list"),
        ('{"prediction": "1"}', "the row has no 'gold'; it has: prediction"),
        ('{"prediction": null, "gold": "1"}', "the row has no 'prediction'"),
        ('{"prediction": 1, "gold": "1"}', "'prediction' is a string, not int"),
        ("[" * 100_000, "not JSON"),
        ("\udcff", "not JSON"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line_and_leaves_no_output(tmp_path, line, message):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes((json.dumps(ROWS[0]) + "\n\n").encode() + line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(ValueError, match=rf"in\.jsonl:3: .*{message}"):
        verify_file(source, out, "math")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl"]


def test_a_missing_column_of_the_verifier_is_named(tmp_path):
    source = write(tmp_path / "in.jsonl", [{"prediction": "1", "gold": "1"}])
    with pytest.raises(ValueError, match=r"in\.jsonl:1: the row has no 'prompt'"):
        verify_file(source, None, "chain")


def test_an_empty_file_is_refused_and_a_file_of_abstentions_has_no_mean(tmp_path):
    source = write(tmp_path / "in.jsonl", [])
    with pytest.raises(ValueError, match=r"in\.jsonl has no rows"):
        verify_file(source, tmp_path / "out.jsonl", "math")
    assert not (tmp_path / "out.jsonl").exists()
    assert verify_file(write(source, ROWS[2:]), None, "math")["mean_score"] is None


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path):
    code = (
        "import resource, sys; from verifiers.runtime.stream import verify_file;"
        "verify_file(sys.argv[1], sys.argv[1] + '.out', 'math');"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = []
    for count in (20_000, 400_000):
        source = tmp_path / f"{count}.jsonl"
        with source.open("w") as lines:
            for n in range(count):
                lines.write(json.dumps({"prediction": f"The answer is {n}. " + "x" * 200, "gold": str(n)}) + "\n")
        done = subprocess.run([sys.executable, "-c", code, str(source)], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] * 1.2
