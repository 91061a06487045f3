import errno
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from rl.cli import run

QUICKSTART = str(Path(__file__).parents[2] / "configs" / "grpo.yaml")


def refused(capsys, *arguments):
    """The one line that a command prints when it exits with 2."""
    with pytest.raises(SystemExit) as exit_code:
        run(arguments)
    printed = capsys.readouterr()
    assert exit_code.value.code == 2 and printed.out == ""
    (line,) = printed.err.splitlines()
    return line


@pytest.mark.parametrize("command", ["train", "check"])
def test_a_wrong_key_is_one_line_and_exit_2(capsys, command):
    line = refused(capsys, command, QUICKSTART, "trainer.max_stepz=3")
    assert line == (
        "whetstone: command line: trainer.max_stepz: GRPOConfig has no such argument; did you mean 'max_steps'?"
    )


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("{not json", "not JSON"),
        ('{"question": "1+1?"}', "no column 'gold'"),
        ('{"question": "1+1?", "gold": ""}', "empty"),
    ],
)
def test_a_broken_row_is_named_with_its_line_before_any_training(capsys, tmp_path, row, what):
    data = tmp_path / "rows.jsonl"
    data.write_text('{"question": "2+2?", "gold": "4"}\n' + row + "\n")
    arguments = ["task=dataset", f"task.data={data}", "policy.model=gone", f"logging.folder={tmp_path / 'runs'}"]
    line = refused(capsys, "train", QUICKSTART, *arguments)
    assert line.startswith(f"whetstone: {data}:2: ") and what in line
    assert not (tmp_path / "runs").exists()


def test_an_unknown_command_and_a_missing_argument_are_one_line(capsys):
    assert "No such command 'trian'" in refused(capsys, "trian")
    assert "Missing argument 'CONFIG'" in refused(capsys, "train")


@pytest.mark.parametrize("arguments", [[], ["prm"]])
def test_a_command_without_arguments_prints_its_help_line_by_line(capsys, arguments):
    with pytest.raises(SystemExit) as exited:
        run(arguments)
    printed = capsys.readouterr().err
    assert exited.value.code == 2 and printed.startswith("Usage: whetstone") and "\n  train " in printed


def test_a_policy_that_is_not_there_is_one_line(capsys, tmp_path, small):
    line = refused(capsys, "train", QUICKSTART, *small, f"policy.model={tmp_path / 'gone'}")
    assert line == f"whetstone: policy.model: no folder '{tmp_path / 'gone'}'"


def test_a_folder_that_is_no_run_has_no_report(capsys, tmp_path):
    assert refused(capsys, "report", str(tmp_path)).endswith("is not a run folder: it has no config.yaml")


def test_verify_judges_a_file_and_counts_by_status(capsys, tmp_path):
    rows, out = tmp_path / "rows.jsonl", tmp_path / "judged.jsonl"
    rows.write_text(
        '{"prediction": "7*3=1;1-4=7#7", "gold": "7", "prompt": "7*3-4?"}\n'
        '{"prediction": "#3", "gold": "7", "prompt": "7*3-4?"}\n'
    )
    run(["verify", "--verifier", "chain", str(rows), "--out", str(out)])
    printed = capsys.readouterr().out
    assert "judged             2   right 1" in printed and "failed             0" in printed
    rows.write_text('{"prediction": "1", "gold": "x y"}\n')
    run(["verify", "--verifier", "numeric", str(rows)])
    assert re.search(r"^abstained +1   the first: row 1: \S", capsys.readouterr().out, re.MULTILINE)
    assert refused(capsys, "verify", "--verifier", "math", f"{rows}.gone").endswith(".gone: no such file or directory")
    assert "rows are JSON lines, not .csv" in refused(capsys, "verify", "--verifier", "math", str(tmp_path / "a.csv"))
    judged = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["score"] for row in judged] == [1.0, 0.0]
    assert judged[0]["steps"][0] == {"start": 0, "end": 5, "status": "judged", "score": 1.0, "reason": "right"}


def test_a_self_check_shows_the_share_accepted_by_phrasing(capsys, tmp_path):
    run(["verify", "--self-check", "--verifier", "countdown"])
    printed = capsys.readouterr().out
    assert "countdown: 2 of 2 golds accepted in their own form" in printed
    assert re.search(r"^\*\*Answer:\*\* X +100.0%$", printed, re.MULTILINE)
    assert re.search(r"wrong answers near them +0 of \d+ accepted$", printed, re.MULTILINE)


def test_a_self_check_reads_the_data_it_is_given(capsys, tmp_path):
    rows = tmp_path / "rows.jsonl"
    good = [json.dumps({"sum": numbers, "of": {"target": "24"}}) for numbers in ("4 7 8 8", "1 1 1 1")]
    rows.write_text("\n".join([*good, "not json", '{"sum": "1 2 3 4"}']))
    given = ["--data", str(rows), "--column", "gold=of.target"]
    run(["verify", "--self-check", "--verifier", "countdown", *given, "--column", "numbers=sum"])
    printed = capsys.readouterr().out
    assert "1 of 2 golds accepted in their own form" in printed and "row 1: no expression" in printed
    assert "left out: 1 row that cannot be read\nleft out: 1 row without gold or numbers" in printed
    assert "no column 'numbers'" in refused(capsys, "verify", "--self-check", "--verifier", "countdown", *given)
    assert "go with --self-check" in refused(capsys, "verify", "--verifier", "countdown", str(rows), *given)
    no_name = ["verify", "--self-check", "--verifier", "math", "--data", str(rows), "--column", "gold"]
    assert "expected WHAT=NAME, such as gold=answer, got 'gold'" in refused(capsys, *no_name)


def test_verify_refuses_a_bad_row_with_its_line_and_an_unknown_name(capsys, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prediction": "1", "gold": "1"}\n{"prediction": "1"}\n')
    assert f"{rows}:2: the row has no 'gold'" in refused(capsys, "verify", "--verifier", "exact", str(rows))
    assert "did you mean 'exact'?" in refused(capsys, "verify", "--verifier", "exat", str(rows))
    assert "has no option" in refused(capsys, "verify", "--verifier", "exact", "--set", "colour=red", str(rows))


@pytest.fixture
def saved(tmp_path, warm):
    model, tokenizer = warm
    model.save_pretrained(tmp_path / "policy")
    tokenizer.save_pretrained(tmp_path / "policy")
    return tmp_path / "policy"


def test_eval_measures_saved_policies_and_compares_them_problem_by_problem(capsys, tmp_path, warm, saved):
    model, tokenizer = warm
    untrained = type(model)(model.config)
    untrained.save_pretrained(tmp_path / "untrained")
    tokenizer.save_pretrained(tmp_path / "untrained")
    out = tmp_path / "figures"
    sizes = ["task.sizes.train=16", "task.sizes.validation=8", "task.sizes.test=8"]
    settings = [
        "task.operations=[1,2]",
        *sizes,
        "evaluation.validation_n=8",
        "evaluation.k=2",
        "sampling.max_tokens=16",
    ]
    where = ["--split", "validation", "--out", str(out)]
    models = [str(tmp_path / "untrained"), str(saved)]
    run(["eval", *models, "--task", "chain", "--task", QUICKSTART, *where, *settings])
    printed = capsys.readouterr().out
    assert "chain: 8 validation problems" in printed and "McNemar's p" in printed
    figures = json.loads((out / "figures.json").read_text())
    assert list(figures["tasks"]) == ["chain", QUICKSTART] and figures["split"] == "validation"
    of = figures["tasks"]["chain"]["models"][str(saved)]
    assert of["n"] == 8 and 0 <= of["greedy"]["low"] <= of["greedy"]["value"] <= of["greedy"]["high"] <= 1
    compared = figures["tasks"]["chain"]["compared_with_first"][str(saved)]
    first = figures["tasks"]["chain"]["models"][models[0]]
    assert compared["gain"]["value"] == pytest.approx(of["greedy"]["value"] - first["greedy"]["value"], abs=1e-5)
    answers = [json.loads(line) for line in (out / "answers.jsonl").read_text().splitlines()]
    assert len(answers) == 2 * 2 * 8 * (1 + 2)
    assert "| share of answers that are … |" in (out / "table.md").read_text()


def test_eval_refuses_what_it_cannot_compare_before_any_policy_is_loaded(capsys, tmp_path, saved, monkeypatch):
    monkeypatch.setattr("rl.setup.policy", None)
    sizes = ["task.sizes.train=16", "task.sizes.validation=8", "task.sizes.test=8", "task.operations=[1,2]"]
    where = ["--task", "chain", *sizes]
    assert "is named twice" in refused(capsys, "eval", str(saved), str(saved), *where)
    assert "is named twice" in refused(capsys, "eval", str(saved), *where, "--task", "chain")
    line = refused(capsys, "eval", str(saved), *where, "evaluation.n=9")
    assert "--task chain: its test split has 8 problems, but evaluation.n asks for 9" in line
    assert "no folder" in refused(capsys, "eval", str(saved), "runs/none/model", *where)
    (tmp_path / "run" / "model").mkdir(parents=True)
    assert f"the run's policy is '{tmp_path}/run/model'" in refused(capsys, "eval", str(tmp_path / "run"), *where)
    assert "MODEL is missing" in refused(capsys, "eval", *where)


def test_eval_takes_its_settings_from_a_config_file(capsys, saved, small):
    run(["eval", str(saved), "--task", QUICKSTART, *small])
    assert "16 test problems" in capsys.readouterr().out


def test_a_run_folder_under_a_file_is_one_line(capsys, tmp_path, small):
    (tmp_path / "file").write_text("")
    line = refused(capsys, "train", QUICKSTART, *small, f"logging.folder={tmp_path / 'file'}")
    assert "cannot write a run folder here (Not a directory); give another logging.folder" in line


def test_eval_needs_only_the_split_that_it_measures(capsys, tmp_path, saved):
    rows = ({"question": f"{digit}+1?", "answer": str((digit + 1) % 10), "split": "test"} for digit in range(8))
    (tmp_path / "held_out.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = [f"task.data={tmp_path / 'held_out.jsonl'}", "task.columns={gold: answer}", 'task.template="{question}"']
    run(["eval", str(saved), "--task", "dataset", *data, "evaluation.n=8", "evaluation.k=0", "sampling.max_tokens=4"])
    assert "8 test problems" in capsys.readouterr().out


def test_eval_makes_the_folder_it_writes_to_and_refuses_what_it_cannot_write_before_the_work(capsys, tmp_path, saved):
    sizes = ["task.sizes.train=16", "task.sizes.validation=8", "task.sizes.test=8", "task.operations=[1,2]"]
    how = [str(saved), "--task", "chain", *sizes, "evaluation.n=4", "evaluation.k=0"]
    run(["eval", *how, "--out", str(tmp_path / "new" / "folder")])
    assert len((tmp_path / "new" / "folder" / "answers.jsonl").read_text().splitlines()) == 4
    capsys.readouterr()
    line = refused(capsys, "eval", *how, "--out", str(saved / "config.json" / "out"))
    assert line.startswith("whetstone: --out: ") and "cannot be written" in line


def test_a_full_disk_is_one_line_and_says_that_checkpoints_are_kept(capsys, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "runs/a/metrics.jsonl")

    monkeypatch.setattr("rl.analysis.reports.report.write_report", full)
    with pytest.raises(SystemExit) as exit_code:
        run(["report", str(tmp_path)])
    assert exit_code.value.code == 1
    assert capsys.readouterr().err == (
        "whetstone: runs/a/metrics.jsonl: No space left on device. What was trained up to the last checkpoint is kept; "
        "the same command resumes.\n"
    )


def full_disk_in_torch():
    torch.save({"a": torch.zeros(10**5)}, "/dev/full")


def full_disk_in_safetensors():  # its words on a real full disk; it does not write to /dev/full
    raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")


@pytest.mark.parametrize("full", [full_disk_in_torch, full_disk_in_safetensors])
@pytest.mark.parametrize("within", [True, False])
def test_so_is_one_that_torch_or_safetensors_tell_in_words_of_their_own(capsys, monkeypatch, tmp_path, full, within):
    def breaks(*_):
        if not within:
            full()
        try:
            full()
        except Exception as error:
            raise ValueError("while saving") from error

    monkeypatch.setattr("rl.analysis.reports.report.write_report", breaks)
    with pytest.raises(SystemExit) as exit_code:
        run(["report", str(tmp_path)])
    said = capsys.readouterr().err
    assert exit_code.value.code == 1 and said.count("\n") == 1
    assert said.endswith("What was trained up to the last checkpoint is kept; the same command resumes.\n")


def test_a_termination_signal_ends_a_command_in_order(capsys, monkeypatch, tmp_path):
    tidied, before = [], signal.getsignal(signal.SIGTERM)

    def works(*_):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            tidied.append(True)

    monkeypatch.setattr("rl.analysis.reports.report.write_report", works)
    with pytest.raises(SystemExit) as exit_code:
        run(["report", str(tmp_path)])
    assert (exit_code.value.code, capsys.readouterr().err.strip()) == (1, "whetstone: interrupted")
    assert tidied and signal.getsignal(signal.SIGTERM) == before


def test_other_errors_of_torch_are_no_full_disk(monkeypatch, tmp_path):
    def breaks(*_):
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr("rl.analysis.reports.report.write_report", breaks)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        run(["report", str(tmp_path)])


def test_a_terminal_without_unicode_is_no_obstacle(small):
    whetstone = Path(sys.executable).with_name("whetstone")
    done = subprocess.run(
        [whetstone, "check", QUICKSTART, *small],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "problems" in done.stdout, done.stderr


HANGS = """
import atexit
import time
from concurrent.futures import ThreadPoolExecutor

import torch

atexit.register(print, "exit handlers ran")


def in_torch(completions, **columns):
    matrix = torch.ones(64, 64)
    while True:
        matrix = matrix @ matrix / 64


def in_threads(completions, **columns):
    with ThreadPoolExecutor(1) as threads:
        threads.submit(time.sleep, 3600).result()
"""


@pytest.mark.parametrize(("count", "code"), [(1, 0), (1001, 1)], ids=["one batch", "two batches"])
@pytest.mark.parametrize("reward", ["in_torch", "in_threads"])
def test_a_reward_that_hangs_leaves_the_exit_code_of_the_command(reward, count, code, tmp_path):
    (tmp_path / "mine.py").write_text(HANGS)
    rewards = f"rewards: {{mine: {{function: 'mine.py:{reward}'}}}}\nmix: {{timeout: 0.5}}\n"
    (tmp_path / "rewards.yaml").write_text(rewards)
    rows = [json.dumps({"prompt": f"1+{number}?", "completion": "2"}) for number in range(count)]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    command = ["score", "rows.jsonl", "--rewards", "rewards.yaml"]
    script = f"from rl import cli, interrupt; interrupt.LONGEST = 0.5; cli.main({command})"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,  # a bound, not what it takes
    )
    assert done.returncode == code, done.stderr
    assert "no answer within 0.5 s (mix.timeout)" in done.stdout + done.stderr
    assert done.stdout.endswith("exit handlers ran\n") and done.stderr.strip().count("\n") == 0
