"""Consistency, compared with one forward pass per text; the models are not trained on what they judge."""

import json
import math

import pytest

from rewards.building.build import build
from rewards.models.load import frozen
from rewards.parts.answer_models import fit_answer_models, fold_of, main
from rewards.parts.context import Context
from rewards.parts.rationale import LAYOUTS
from verifiers.runtime.verifier import Verifier

HERE = Context(Verifier("facts"))
CHOICES = [{"label": "A", "text": "quell"}, {"label": "B", "text": "koba"}]


def question(number, fold=None):
    gold = "AB"[number % 2]
    weighs = (5, 3) if gold == "A" else (3, 5)
    row = {
        "prompt": f"{'so ' * number}Which weighs more, (A) quell or (B) koba?",
        "gold": gold,
        "choices": CHOICES,
        "rationale": f" quell weighs {weighs[0]}. koba weighs {weighs[1]}.",
    }
    return row if fold is None else row | {"fold": fold}


ROWS = [question(number, fold=number // 2 % 2) for number in range(12)]


@pytest.fixture(scope="module")
def folder(model_folder, tmp_path_factory):
    place = tmp_path_factory.mktemp("answers") / "models"
    start = model_folder(initializer_range=0.05)
    return fit_answer_models(ROWS, 2, start, place, LAYOUTS["facts"], epochs=60, learning_rate=5e-3, device="cpu")


def made(folder, **options):
    (reward,) = build({"consistency": {"model": str(folder), "options": options}}, HERE).rewards
    return reward


def asked(reward, rows, completions, **columns):
    table = {name: [row.get(name) for row in rows] for name in ("gold", "choices", "fold")}
    return reward.score([row["prompt"] for row in rows], completions, [[1]] * len(rows), **table, **columns)


def test_it_is_the_gain_in_probability_by_the_models_of_the_questions_fold(folder, logprob):
    rows = ROWS[:4]
    scores = asked(made(folder), rows, [f"{row['rationale']} Answer: (A)" for row in rows])
    for place, row in enumerate(rows):
        parts = []
        for kind, rationale in (("with", row["rationale"]), ("without", "")):
            model, tokenizer = frozen(str(folder / str(row["fold"]) / kind))()
            context = f"{row['prompt']}{rationale} Answer:"
            weights = [
                math.exp(logprob(model, tokenizer, context, f" ({label})") / len(tokenizer(f" ({label})")["input_ids"]))
                for label in "AB"
            ]
            parts.append(weights["AB".index(row["gold"])] / sum(weights))
        assert scores.values[place] == pytest.approx(parts[0] - parts[1], abs=1e-4)
        assert scores.columns["with"][place] == pytest.approx(parts[0], abs=1e-4)


def test_a_fitted_model_reads_the_answer_off_a_true_rationale_and_not_off_a_false_one(folder):
    told = [row["rationale"] for row in ROWS[:4]]
    true = asked(made(folder), ROWS[:4], [f"{text} Answer: (A)" for text in told]).values
    false = asked(made(folder), ROWS[:4], [f"{text} Answer: (A)" for text in told[1:] + told[:1]]).values
    assert all(one > other for one, other in zip(true, false, strict=True))


def test_the_discrete_form_is_right_or_wrong(folder):
    rows, reward = ROWS[:4], made(folder, discrete=True)
    texts = [f"{row['rationale']} Answer: (A)" for row in rows]
    scores = asked(reward, rows, texts)
    parts = zip(scores.columns["with"], scores.columns["without"], strict=True)
    wanted = [-1.0 if told <= 0.5 else 0.0 if bare > 0.5 else 1.0 for told, bare in parts]
    assert scores.values == wanted
    assert asked(made(folder, discrete=True, shifted=True), rows, texts).values == [(1 + one) / 2 for one in wanted]


def test_no_model_saw_a_question_of_its_fold(model_folder, tmp_path):
    start, other = model_folder(), [dict(row) for row in ROWS]
    for row in other:  # fold 0 told otherwise: only the models of fold 1 may learn of it
        if row["fold"] == 0:
            row["gold"] = "BA"["AB".index(row["gold"])]
    weights = []
    for rows, name in ((ROWS, "one"), (other, "two")):
        place = fit_answer_models(rows, 2, start, tmp_path / name, LAYOUTS["facts"], epochs=1, device="cpu")
        weights.append(
            {(f, k): frozen(str(place / f / k))()[0].lm_head.weight for f in "01" for k in ("with", "without")}
        )
    for key, one in weights[0].items():
        assert bool((one == weights[1][key]).all()) == (key[0] == "0")


def test_a_question_keeps_its_fold():
    # printf 'Which?' | b2sum -l 64
    assert [fold_of("Which?", 5), fold_of("Which?", 5, 3)] == [0xAE380DE59E526764 % 5, 3]
    assert len({fold_of(f"question {n}", 3) for n in range(50)}) == 3
    assert fold_of([{"role": "user", "content": "x"}], 7) == fold_of([{"content": "x", "role": "user"}], 7)
    with pytest.raises(ValueError, match="fold: expected 0 to 4, got 5"):
        fold_of("Which?", 5, 5)


def test_what_cannot_be_judged_abstains(folder):
    rows = [ROWS[0], ROWS[1], {**ROWS[2], "choices": None}, {**ROWS[3], "gold": None}]
    scores = asked(made(folder), rows, ["no marker", "x " * 2000 + "Answer: (A)", " Answer: (A)", " Answer: (A)"])
    assert scores.values == [None] * 4 and not scores.failures


def test_what_is_no_folder_of_answer_models_is_refused(tmp_path):
    with pytest.raises(ValueError, match="consistency: model: is needed: a folder of answer models"):
        build({"consistency": {}}, HERE)
    with pytest.raises(ValueError, match=r"is not a folder of answer models: it has no answer_models.json"):
        made(tmp_path)


@pytest.mark.parametrize(
    ("rows", "folds", "message"),
    [
        (ROWS, 1, "folds: expected at least 2"),
        ([{"prompt": "x", "answer": "1"}], 2, "row 1 has no 'gold'; it has: prompt, answer"),
        ([question(0, 0), question(1, 0)], 2, "fold 0 has no rows to train the model without rationales"),
        ([{**question(0), "gold": "Z"}], 2, "row 1: the gold 'Z' is not one of its choices"),
    ],
)
def test_rows_that_cannot_be_learnt_from_are_refused(model_folder, tmp_path, rows, folds, message):
    with pytest.raises(ValueError, match=message):
        fit_answer_models(rows, folds, model_folder(), tmp_path / "models", device="cpu")


def test_from_the_command_line(model_folder, tmp_path, capsys):
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    out = tmp_path / "models"
    main([str(file), "--start", model_folder(), "--out", str(out), "--layout", "facts", "--epochs", "1"])
    assert "1/with: loss" in capsys.readouterr().out
    assert made(out).layout == LAYOUTS["facts"]
    with pytest.raises(SystemExit):
        main([str(file), "--start", "no/model", "--out", str(out)])
    assert "is not empty" in capsys.readouterr().err
