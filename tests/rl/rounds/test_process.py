"""Runs whose pairs are made by a process reward model that each round labels and trains anew."""

import json
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from rewards.parts.step_spans import Splitter
from rl import config as configuration
from rl import tasks
from rl.errors import UserError
from rl.examples.pairs import pairs
from rl.prm import train as prm
from rl.prm.formats import read
from rl.prm.label import by_verifier
from rl.prm.labelled import label, unlabelled
from rl.rounds.process import against_the_verifier
from rl.rounds.rounds import Rounds
from rl.storage.pool import read as read_pool
from rl.storage.run_folder import RunFolder, read_jsonl
from rl.training import train
from tests.rl.conftest import SMALL
from tests.rl.logged import logged_but_times
from verifiers.runtime.verifier import Verifier

ORPO = Path(__file__).parents[3] / "configs" / "orpo.yaml"
OWN = {
    **SMALL,
    "algorithm.rounds": 2,
    "algorithm.prompts": 16,
    "algorithm.pool_rounds": "null",
    "algorithm.fit_from": "base",
    "algorithm.pairs": "{form: all, margin: 0.0, cap: 4}",
    "algorithm.sift": "{equations: chain, options: {arithmetic: true}}",
    "algorithm.process": "{k: 4, threshold: 0.25, epochs: 1, batch: 32, learning_rate: 1.0e-3}",
    "trainer.max_steps": 2,
    "trainer.save_steps": 1,
    "trainer.per_device_train_batch_size": 4,
    "evaluation.n": 8,
    "evaluation.every": 0,
    "evaluation.k": 0,
    "sampling.completions": 6,
    "sampling.max_tokens": 16,
}


def settings(folder, **more):
    given = {**OWN, "logging.folder": folder, **more}
    return configuration.load(ORPO, [f"{key}={value}" for key, value in given.items()])


def run(folder, **more):
    return RunFolder(folder / "orpo"), train(settings(folder, **more))


@pytest.fixture(scope="module")
def finished(tmp_path_factory, cache):
    return run(tmp_path_factory.mktemp("process"))


def test_each_round_labels_the_whole_pool_anew_and_trains_a_model_of_its_own(finished):
    folder, summary = finished
    assert summary["steps"] == 4
    rows = [row for row in read_jsonl(folder.metrics) if "rounds/number" in row]
    models = []
    for number, row in enumerate(rows):
        place = folder.path / "process" / f"round_{number:03d}"
        labelled = read(str(place / "labels.jsonl"), "whetstone")
        problems = len({sample.prompt for sample in labelled})
        assert len(labelled) > row["rounds/sifted"] > 0 and problems <= 16 * (number + 1)
        scores = json.loads((place / "scores.json").read_text())["scores"]
        assert len(scores) == row["rounds/sifted"] and all(0 <= score <= 1 for of in scores for score in of)
        assert row["process/labelled"] > 0 and 0 <= row["process/labels_agree"] <= 1
        models.append(load_file(place / "model" / "model.safetensors"))
    assert rows[1]["rounds/sifted"] > rows[0]["rounds/sifted"]
    assert any((models[0][name] != models[1][name]).any() for name in models[0])


def test_gold_solutions_are_labelled_right_in_every_step(finished):
    folder, _ = finished
    labelled = read(str(folder.path / "process" / "round_000" / "labels.jsonl"), "whetstone")
    gold = labelled[-len({sample.prompt for sample in labelled}) :]
    assert all(sample.right and {step.score for step in sample.labels} == {1.0} for sample in gold)


class Killed(Exception):
    pass


def test_a_run_killed_while_a_model_is_trained_ends_with_the_same_weights_and_metrics(finished, tmp_path, monkeypatch):
    original, calls = prm.train, []

    def killing(*given, **more):
        calls.append(given)
        if len(calls) == 2:
            raise Killed
        return original(*given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(prm, "train", killing)
        with pytest.raises(Killed):
            run(tmp_path)
    folder, _ = run(tmp_path)
    ours, theirs = (load_file(one.model / "model.safetensors") for one in (folder, finished[0]))
    assert all((ours[key] == theirs[key]).all() for key in theirs)
    assert logged_but_times(folder) == logged_but_times(finished[0])


@pytest.mark.slow
def test_labels_and_model_are_not_made_again_when_a_fit_is_resumed(finished, tmp_path, monkeypatch):
    original = Rounds._trainer

    def broken(self, number, *rest):
        if number == 1:
            raise Killed
        return original(self, number, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(Rounds, "_trainer", broken)
        with pytest.raises(Killed):
            run(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(prm, "train", lambda *given, **more: pytest.fail("trained again"))
        folder, _ = run(tmp_path)
    assert logged_but_times(folder) == logged_but_times(finished[0])


def test_an_outcome_model_learns_the_verdict_on_the_answer_at_every_step(tmp_path, cache):
    labels = "{labels: outcome, gold: false, epochs: 1}"
    folder, _ = run(tmp_path, **{"algorithm.process": labels, "algorithm.rounds": 1})
    labelled = read(str(folder.path / "process" / "round_000" / "labels.jsonl"), "whetstone")
    assert labelled and all({step.score for step in sample.labels} == {float(sample.right)} for sample in labelled)
    assert {sample.right for sample in labelled} == {True, False}


def test_the_first_round_is_sampled_by_another_policy(finished, tmp_path):
    other = finished[0].model
    own = {"algorithm.process": "null", "algorithm.rounds": 1, "algorithm.first_sampler": other}
    folder, summary = run(tmp_path, **own)
    rows = tasks.load(settings(tmp_path)).splits["train"]
    plain, of_plain = run(tmp_path / "plain", **{**own, "algorithm.first_sampler": "null"})
    # the figures before training are those of the policy that is trained
    assert summary["before"] == of_plain["before"] != finished[1]["after"]
    assert [one.text for one in read_pool(folder.pool, 0, rows)] != [one.text for one in read_pool(plain.pool, 0, rows)]
    with pytest.raises(UserError, match=r"algorithm\.first_sampler: .*no such folder"):
        run(tmp_path / "missing", **{**own, "algorithm.first_sampler": "./nothing/here"})


def test_labels_and_scores_are_compared_with_the_steps_that_the_verifier_judged():
    rows = [
        {"prompt": "2+3+4?", "gold": "9", "completion": text}
        for text in ("2+3=5;5+4=9#9", "2+3=6;6+4=0#0", "2+3=5;5+4=8#8")
    ]
    judged, _ = by_verifier([unlabelled(row) for row in rows], Verifier("chain"), Splitter())
    told = [[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]  # by labels, of which one is wrong: what follows a wrong step is wrong
    samples = [
        replace(one, labels=tuple(label(s.start, s.end, value) for s, value in zip(one.labels, of, strict=True)))
        for one, of in zip(judged, told, strict=True)
    ]
    figures = against_the_verifier(samples, [[0.9, 0.8], [0.1, 0.2], [0.7, 0.3]])
    assert figures["process/labels_agree"] == pytest.approx(5 / 6)
    assert figures["process/step_auc"] == 1.0
    assert figures["process/score_right"] == pytest.approx(0.85)
    assert figures["process/score_wrong"] == pytest.approx((0.15 + 0.5) / 2)


def test_process_scores_tell_an_honest_right_answer_from_a_lucky_one_and_outcome_scores_cannot():
    texts = ["3*0=0#0", "2+3=5;5*0=0#0", "3*0=3#3"]  # a step left out, by luck without harm; no mistake; a wrong answer
    rows = [{"prompt": "2+3*0?", "gold": "0", "completion": text} for text in texts]
    judged, _ = by_verifier([replace(unlabelled(row), index=0) for row in rows], Verifier("chain"), Splitter())
    assert [one.right for one in judged] == [True, True, False]
    exact = [statistics.fmean(step.score for step in one.labels) for one in judged]
    outcome = [float(one.right) for one in judged]  # what a perfect outcome reward model says of every step
    chosen = {}
    for name, scores in (("process", exact), ("outcome", outcome)):
        scored = [replace(one, reward=score) for one, score in zip(judged, scores, strict=True)]
        chosen[name] = [pair.chosen.text for pair in pairs(scored, form="all", cap=1)]
    assert chosen == {"process": [texts[1]], "outcome": [texts[0]]}


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ({"algorithm.fit_from": "last", "algorithm.first_sampler": "x"}, "algorithm.first_sampler: needs fit_from"),
        ({"algorithm.sift.equations": "chan"}, "algorithm.sift.equations: 'chan' is not one"),
        ({"algorithm.sift": "{options: {arithmetic: true}}"}, "algorithm.sift.options: are options of a verifier"),
        ({"algorithm.pairs": "{form: random}"}, "algorithm.pairs.form: random ignores scores"),
        ({"algorithm.quota": "{right: 0, wrong: 0}"}, "asks for neither right nor wrong"),
        ({"algorithm.process.separator": "x", "algorithm.process.pattern": "y"}, "both say how steps are found"),
        ({"algorithm.process.pattern": "'('"}, "pattern is not a regular expression"),
        ({"algorithm.pairs": "{form: random, margin: 0.1}"}, "random looks at neither scores nor lengths"),
        (
            {"algorithm.step_growth": 1.2, "trainer.max_steps": -1},
            "algorithm.step_growth: makes trainer.max_steps grow",
        ),
        ({"sampling.completions": 1}, "sampling.completions: is 1, but orpo compares completions"),
    ],
)
def test_what_makes_no_sense_is_refused_early(tmp_path, override, line):
    with pytest.raises(UserError, match=line):
        settings(tmp_path, **override)


def test_a_filter_whose_verifier_judges_no_steps_is_refused_before_sampling(tmp_path, cache):
    with pytest.raises(UserError, match=r"algorithm\.sift\.equations: verifier 'math' does not judge steps"):
        run(tmp_path, **{"algorithm.sift": "{equations: math}"})
    with pytest.raises(UserError, match=r"algorithm\.sift\.options: .*no option 'arithmetics'"):
        run(tmp_path / "other", **{"algorithm.sift": "{equations: chain, options: {arithmetics: true}}"})
