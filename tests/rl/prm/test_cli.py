import json

import pytest

from rl.cli import run

ROW = {"prompt": "2+3+4?", "gold": "9", "completion": "2+3=5;5+4=9#9"}


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as exit_code:
        run(arguments)
    printed = capsys.readouterr()
    assert exit_code.value.code == 2
    (line,) = printed.err.splitlines()
    return line


def lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_label_train_and_eval_follow_each_other(capsys, tmp_path, warm):
    for part in warm:
        part.save_pretrained(tmp_path / "policy")
    policy, out = str(tmp_path / "policy"), tmp_path / "labels.jsonl"
    task = ["--task", "chain", "task.operations=[1,2]", "task.sizes.train=64", "task.sizes.validation=8"]
    task += ["task.sizes.test=8", f"policy.model={policy}", "sampling.max_tokens=16"]
    run(["prm", "label", "--out", str(out), "--prompts", "32", "--samples", "2", "--k", "2", *task])
    assert "64 completions" in capsys.readouterr().out
    run(["prm", "train", str(out), "--model", policy, "--out", str(tmp_path / "prm"), "--epochs", "1"])
    figures = tmp_path / "figures.json"
    run(["prm", "eval", str(tmp_path / "prm"), "--data", str(out), "--out", str(figures)])
    assert json.loads(figures.read_text())["chains"] <= 64
    assert "best of 2 by min" in capsys.readouterr().out


def test_completions_to_label_are_drawn_as_the_sampling_section_says(warm, tmp_path):
    for part in warm:
        part.save_pretrained(tmp_path / "policy")
    task = ["--task", "chain", "task.operations=[1,2]", "task.sizes.train=64", "task.sizes.validation=8"]
    task += ["task.sizes.test=8", f"policy.model={tmp_path / 'policy'}", "sampling.max_tokens=16"]
    different = {}
    for temperature in (0.01, 1.0):
        out = tmp_path / f"{temperature}.jsonl"
        drawn = ["--by", "verifier", "--prompts", "8", "--samples", "4", "--out", str(out)]
        run(["prm", "label", *drawn, *task, f"sampling.temperature={temperature}"])
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        different[temperature] = len({(row["prompt"], row["completion"]) for row in rows})
    assert different[0.01] == 8 < different[1.0]  # one completion a prompt, drawn four times


def test_rows_are_labelled_by_a_verifier_without_a_task_or_model(capsys, tmp_path):
    out = tmp_path / "labels.jsonl"
    rows = lines(tmp_path / "rows.jsonl", ROW)
    run(["prm", "label", "--by", "verifier", "--verifier", "chain", "--rows", rows, "--out", str(out)])
    assert [step["label"] for step in json.loads(out.read_text())["steps"]] == [1.0, 1.0]


def test_predictions_are_matched_by_id(capsys, tmp_path):
    data = lines(
        tmp_path / "data.jsonl",
        {"id": "a", "problem": "q", "steps": ["x", "y"], "label": 1},
        {"id": "b", "problem": "r", "steps": ["x"], "label": -1},
    )
    predictions = lines(tmp_path / "p.jsonl", {"id": "b", "prediction": -1}, {"id": "a", "prediction": 1})
    run(["prm", "eval", "--data", data, "--format", "processbench", "--predictions", predictions])
    assert "1.0000" in capsys.readouterr().out
    short = lines(tmp_path / "short.jsonl", {"id": "b", "prediction": -1})
    line = refused(capsys, "prm", "eval", "--data", data, "--format", "processbench", "--predictions", short)
    assert "1 predictions for 2 completions" in line


def test_wrong_input_is_one_line(capsys, tmp_path):
    rows = lines(tmp_path / "rows.jsonl", {"prompt": "q", "gold": "1"})
    out = str(tmp_path / "o.jsonl")
    assert "needs --task" in refused(capsys, "prm", "label", "--out", out)
    line = refused(capsys, "prm", "label", "--by", "verifier", "--verifier", "chain", "--rows", rows, "--out", out)
    assert f"{rows}:1: no 'completion'" in line
    assert "one of them" in refused(capsys, "prm", "eval", "--data", rows)
    assert "could not be loaded" in refused(capsys, "prm", "eval", str(tmp_path / "gone"), "--data", lines(
        tmp_path / "pb.jsonl", {"problem": "q", "steps": ["x"], "label": -1}), "--format", "processbench")  # fmt: skip


@pytest.mark.parametrize("gold", [9, 9.0, ["8", "9"]])
@pytest.mark.parametrize("completion", [ROW["completion"], [{"role": "assistant", "content": ROW["completion"]}]])
def test_numbers_lists_and_chats_are_labelled(tmp_path, gold, completion):
    out = tmp_path / "labels.jsonl"
    prompt = ROW["prompt"] if isinstance(completion, str) else [{"role": "user", "content": ROW["prompt"]}]
    rows = lines(tmp_path / "rows.jsonl", {"prompt": prompt, "completion": completion, "gold": gold})
    run(["prm", "label", "--by", "verifier", "--verifier", "chain", "--rows", rows, "--out", str(out)])
    written = json.loads(out.read_text())
    assert [step["label"] for step in written["steps"]] == [1.0, 1.0] and written["right"] is True
    assert written["completion"] == ROW["completion"]


def test_labelling_nothing_is_an_error_and_writes_nothing(capsys, tmp_path):
    out = tmp_path / "labels.jsonl"
    rows = lines(tmp_path / "rows.jsonl", {"prompt": "?", "completion": "1+1=2#2", "gold": "2"})
    line = refused(capsys, "prm", "label", "--by", "verifier", "--verifier", "chain", "--rows", rows, "--out", str(out))
    assert "none of 0 steps of 1 completions has a label; the verifier abstained 0 times, failed 1 times" in line
    unlabelled = lines(tmp_path / "u.jsonl", {"prompt": "q", "completions": ["a"], "labels": [None]})
    line = refused(
        capsys, "prm", "label", "--by", "file", "--format", "stepwise", "--rows", unlabelled, "--out", str(out)
    )
    assert "none of 1 steps of 1 completions has a label" in line and not out.exists()


def test_a_model_whose_head_was_never_trained_is_not_evaluated(capsys, tmp_path, warm):
    for part in warm:
        part.save_pretrained(tmp_path / "policy")
    data = lines(tmp_path / "data.jsonl", {"problem": "q", "steps": ["x"], "label": -1})
    line = refused(capsys, "prm", "eval", str(tmp_path / "policy"), "--data", data, "--format", "processbench")
    assert "it was not trained for token, and a head drawn at random would judge" in line
