import json

import pytest
from transformers import GPT2Config, GPT2ForTokenClassification

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
    assert "either a MODEL" in refused(capsys, "prm", "eval", "--data", rows)
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
    assert "which would be random: its files are not whole, or are not those of a model with a head for tokens" in line


OURS = {"prompt": "2+3+4?", "completion": "2+3=5;5+4=9#9", "right": True, "answer": "9",
        "steps": [{"start": 0, "end": 5, "label": 1}, {"start": 6, "end": 11, "label": 1}]}  # fmt: skip
WRONG = {"prompt": "1+1?", "completion": "1+1=3#3", "steps": [{"start": 0, "end": 5, "label": 0}], "right": False}
UNLABELLED = {**OURS, "steps": [{"start": 0, "end": 5}], "right": None, "answer": None}


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({**ROW, "gold": None}, ":1: no 'gold'"),
        ({**ROW, "completion": 5}, ":1: the completion is neither text nor chat messages but int"),
        ({**ROW, "completion": []}, ":1: the completion is neither text nor chat messages but list"),
        ({**ROW, "prompt": 5}, ":1: the prompt is neither text nor chat messages but int"),
        (
            {**ROW, "prompt": [{"role": "user", "content": [{"type": "image", "image": "x"}]}]},
            ":1: a message of the user has a part of type 'image'",
        ),
        ({**ROW, "gold": []}, "the verifier abstained 1 times"),
    ],
    ids=str,
)
def test_completions_that_cannot_be_labelled_are_named(capsys, tmp_path, row, what):
    rows, out = lines(tmp_path / "rows.jsonl", row), str(tmp_path / "o.jsonl")
    assert what in refused(
        capsys, "prm", "label", "--by", "verifier", "--verifier", "chain", "--rows", rows, "--out", out
    )


@pytest.mark.parametrize(
    ("out", "what"),
    [
        ("o.csv", "--out: expected a name that ends in .jsonl, .ndjson, .json, .parquet"),
        ("o.jsonl.gz", "--out: expected a name that ends in"),
        ("folder.json", "is a folder; name a file"),
        ("file/o.jsonl", "is a file, so"),
    ],
)
def test_a_place_that_labels_cannot_go_to_is_refused_before_labelling(capsys, tmp_path, out, what):
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "file").write_text("")
    line = refused(capsys, "prm", "label", "--task", "chain", "--out", str(tmp_path / out))
    assert what in line
    (tmp_path / "l.jsonl").write_text("")
    line = refused(capsys, "prm", "train", str(tmp_path / "l.jsonl"), "--model", "x", "--out", str(tmp_path / "file"))
    assert "--out" in line and "is a file" in line


def test_a_completer_that_is_not_there_is_named_by_its_option(capsys, tmp_path):
    rows = lines(tmp_path / "rows.jsonl", ROW)
    by = ["--rows", rows, "--verifier", "exact", "--out", str(tmp_path / "o.jsonl")]
    line = refused(capsys, "prm", "label", *by, "--completer", str(tmp_path / "gone"))
    assert "--completer:" in line and "there is no such folder" in line
    assert "'embedded' needs --task" in refused(capsys, "prm", "label", *by, "--completer", "embedded")


def test_labels_by_the_verifier_say_nothing_of_agreement_with_it(capsys, tmp_path):
    rows = lines(tmp_path / "rows.jsonl", ROW, {**ROW, "completion": "2+3=6;6+4=0#0"})
    out = str(tmp_path / "o.jsonl")
    run(["prm", "label", "--by", "verifier", "--verifier", "chain", "--rows", rows, "--out", out])
    assert "agree" not in capsys.readouterr().out


def predicted(tmp_path, data, *rows):
    arguments = ["--data", lines(tmp_path / "d.jsonl", *data), "--predictions", lines(tmp_path / "p.jsonl", *rows)]
    return ["prm", "eval", *arguments, "--out", str(tmp_path / "new" / "f.json")]


@pytest.mark.parametrize(
    ("rows", "data"),
    [
        ([{"prediction": -1.0}, {"prediction": "0"}], [OURS, WRONG]),
        ([{"prediction": -1}, {"prediction": 0}, {"prediction": -1}], [OURS, WRONG, UNLABELLED]),
        ([{"id": "2", "prediction": 0}, {"id": "1", "prediction": -1}], [{**OURS, "id": 1}, {**WRONG, "id": 2}]),
        ([{"id": 1, "prediction": -1}, {"id": 1, "prediction": 0}], [{**OURS, "id": 1}, {**WRONG, "id": 1}]),
        ([{"scores": [0.9, 0.8]}, {"scores": [0.1]}], [OURS, WRONG]),
    ],
    ids=["numbers as text", "without labels", "ids of other types", "ids in order", "scores"],
)
def test_predictions_are_compared_where_there_are_labels(tmp_path, rows, data):
    run(predicted(tmp_path, data, *rows))
    figures = json.loads((tmp_path / "new" / "f.json").read_text())["processbench"]
    assert (figures["n_wrong"], figures["n_right"], figures["f1"]) == (1, 1, 1.0)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([{"prediction": True}, {"prediction": 0}], "p.jsonl:1: expected a whole number as `prediction`, got True"),
        ([{"prediction": 2}, {"prediction": 0}], "p.jsonl:1: step 2 of 2 steps; they are counted from 0"),
        ([{"prediction": -1}, {"scores": [1]}], "p.jsonl:2: needs `prediction`"),
        ([{"scores": [None, 1]}, {"scores": [1]}], "p.jsonl:1: expected a number as score, got None"),
        ([{"scores": [3, -1]}, {"scores": [1]}], "p.jsonl:1: expected a score in [0, 1], got 3"),
        ([{"scores": 3}, {"scores": [1]}], "p.jsonl:1: `scores` 3 for 2 steps"),
        ([{"scores": [1]}, {"scores": [1]}], "p.jsonl:1: 1 scores for 2 steps"),
        ([{"id": 1, "prediction": -1}, {"id": 1, "prediction": 0}], "no prediction for 2"),
    ],
    ids=str,
)
def test_predictions_that_do_not_fit_are_named(capsys, tmp_path, rows, what):
    assert what in refused(capsys, *predicted(tmp_path, [{**OURS, "id": 1}, {**WRONG, "id": 2}], *rows))


def test_an_id_that_comes_twice_does_not_match_anything(capsys, tmp_path):
    rows = [{"id": 1, "prediction": -1}, {"id": 2, "prediction": 0}]
    data = [{**OURS, "id": 1}, {**WRONG, "id": 1}]
    assert "an id appears twice" in refused(capsys, *predicted(tmp_path, data, *rows))


def another_trainers(folder, warm):
    config = GPT2Config(vocab_size=20, n_positions=32, n_embd=8, n_layer=1, n_head=2, num_labels=1)
    GPT2ForTokenClassification(config).save_pretrained(folder)
    warm[1].save_pretrained(folder)
    return str(folder)


def test_a_model_of_another_trainer_is_read_at_a_marker_or_with_a_warning(capsys, tmp_path, warm):
    model, data = another_trainers(tmp_path / "prm", warm), lines(tmp_path / "d.jsonl", OURS, WRONG)
    run(["prm", "eval", model, "--data", data])
    assert "another trainer made it; its scores are read at the last token of each step" in capsys.readouterr().out
    run(["prm", "eval", model, "--data", data, "--marker", ";"])
    assert "another trainer" not in capsys.readouterr().out
    line = refused(capsys, "prm", "eval", model, "--data", data, "--marker", "\\n")
    assert "marker: '\\n' is not a token of the model's tokenizer" in line
    form = tmp_path / "prm" / "prm.json"
    form.write_text(json.dumps({"read_at": "last token of each step"}))
    line = refused(capsys, "prm", "eval", model, "--data", data, "--marker", ";")
    assert "--marker: prm.json says that the model is read at the last token of each step; leave the marker out" in line
    form.write_text(json.dumps({"read_at": "first token"}))
    assert "prm.json says that it is read at 'first token'" in refused(capsys, "prm", "eval", model, "--data", data)


def test_a_threshold_is_tuned_where_there_are_right_and_wrong_completions(capsys, tmp_path, warm):
    model, data = another_trainers(tmp_path / "prm", warm), lines(tmp_path / "d.jsonl", OURS, WRONG)
    right = lines(tmp_path / "t.jsonl", OURS)
    line = refused(capsys, "prm", "eval", model, "--data", data, "--tune", right)
    assert "t.jsonl: no wrong completion among 1, so no threshold has an F1" in line
    # what has no label is neither right nor wrong
    line = refused(
        capsys, "prm", "eval", model, "--data", data, "--tune", lines(tmp_path / "t.jsonl", WRONG, UNLABELLED)
    )
    assert "no right completion among 1" in line
    run(["prm", "eval", model, "--data", data, "--tune", data])


def test_data_without_a_label_is_refused(capsys, tmp_path):
    data = lines(tmp_path / "d.jsonl", UNLABELLED)
    line = refused(capsys, "prm", "eval", str(tmp_path / "gone"), "--data", data)
    assert "none of 1 completions has a label to compare with" in line
