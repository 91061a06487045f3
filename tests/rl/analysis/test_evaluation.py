import dataclasses
import itertools
from pathlib import Path

import pytest

import rl.analysis.evaluation as evaluation_module
from rewards.building.build import build
from rewards.parts.context import Context
from rewards.sample import Judgement, Sample
from rl.analysis.evaluation import Evaluation, EvaluationSettings, evaluate, pass_at, settings_for, summarise
from rl.analysis.intervals import Interval
from rl.analysis.rows import compared
from rl.config import load
from rl.sampling.draw import sample
from verifiers import Step, abstained, failed, judged


def done(verdict):
    return Sample({"prompt": "p", "gold": "1"}, "x", [1, 2], "stop", verdict=verdict)


def results(greedy, samples=None):
    samples = samples or [[] for _ in greedy]
    return summarise("test", list(map(done, greedy)), [list(map(done, group)) for group in samples], judges_steps=True)


@pytest.mark.parametrize(("k", "right", "j"), [(4, 1, 2), (5, 2, 3), (3, 0, 2), (4, 4, 1)])
def test_pass_at_j_is_the_share_of_draws_with_a_right_one(k, right, j):
    draws = list(itertools.combinations([True] * right + [False] * (k - right), j))
    assert pass_at(k, right, j) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_a_broken_or_abstaining_verifier_is_no_wrong_answer():
    evaluation = results([judged(1), judged(0), judged(0.5), judged(0), abstained("no gold"), failed("broke")])
    assert evaluation.metrics["greedy"].value == 0.25
    assert evaluation.counts == {"judged": 4, "abstained": 1, "failed": 1}


def test_chain_counts_right_answers_by_right_steps_alone():
    right, wrong = Step(0, 1, "judged", 1.0), Step(1, 2, "judged", 0.0)
    verdicts = [judged(1, steps=(right, right)), judged(1, steps=(right, wrong)), judged(0, steps=(right,)), judged(1)]
    assert results(verdicts).metrics["chain"].value == 0.25


def test_metrics_of_samples_by_hand():
    def answer(text, right):
        return judged(right, extracted=text)

    samples = [
        [answer("5", 1), answer("5", 1), answer("3", 0), answer("4", 0)],  # the majority is right
        [answer("2", 0), answer("2", 0), answer("5", 1), answer("5", 1)],  # a tie: half
        [answer("2", 0), answer("2", 0), answer("2", 0), judged(0)],  # never right; no answer has no vote
    ]
    samples.append([judged(0)] * 4)  # nobody gave an answer
    metrics = results([judged(0)] * 4, samples).metrics
    assert metrics["mean_at_k"].value == pytest.approx(4 / 16)
    assert metrics["pass_at_k"].value == pytest.approx(2 / 4)
    assert metrics["maj_at_k"].value == pytest.approx((1 + 0.5 + 0 + 0) / 4)


def test_evaluation_is_seeded_and_leaves_random_states_alone(task, warm):
    import torch

    settings = EvaluationSettings(n=8, k=3, parameters={"max_tokens": 16}, seed=1)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = evaluate(*warm, task, "test", settings)
    assert torch.equal(torch.get_rng_state(), before)
    again = evaluate(*warm, task, "test", settings)
    assert first == again
    assert first.n == 8 and first.k == 3 and set(first.pass_at) == {1, 2}
    assert len(first.examples) == 8 and first.examples[0]["gold"] == task.splits["test"][0]["gold"]


def test_rewards_have_the_mean_of_what_they_could_judge_and_a_row_in_the_table():
    said = [Judgement(0.5, "judged"), Judgement(None, "abstained"), Judgement(1.0, "judged")]
    greedy = [dataclasses.replace(done(judged(1)), rewards={"steps": one}) for one in said]
    found = summarise("test", greedy, [[]] * 3, judges_steps=True)
    assert found.metrics["rewards/steps"].value == 0.75
    figures = found.as_dict()
    assert ("(steps, mean reward)", [figures["rewards/steps"]] * 2) in compared([figures, figures])


def test_the_greedy_completions_alone_are_judged_by_rewards(task, warm):
    mix = build({"correctness": {}}, Context(task.verifier))
    found = evaluate(*warm, task, "test", EvaluationSettings(n=8, k=2, parameters={"max_tokens": 16}), mix=mix)
    assert found.metrics["rewards/correctness"].value == found.metrics["greedy"].value


def test_lengths_tokens_and_cut_off_completions_are_counted():
    def ended(score):
        return dataclasses.replace(done(judged(score)), ids=[1, 2])

    def cut(score):
        return dataclasses.replace(done(judged(score)), ids=[1, 2, 3, 4, 5, 6], finish_reason="length")

    greedy = [ended(1), ended(1), ended(0), cut(0)]
    evaluation = summarise("test", greedy, [[cut(1), ended(0)]] * 4, judges_steps=False)
    assert evaluation.metrics["mean_length"].value == (2 + 2 + 2 + 6) / 4  # of the greedy ones
    assert evaluation.metrics["cut_off"].value == 0.25
    assert evaluation.metrics["chain"] is None
    assert evaluation.tokens == 12 + 4 * (6 + 2)


def test_an_example_holds_what_was_asked_answered_and_judged():
    row = {"prompt": [{"role": "user", "content": "1+1?"}], "gold": "2"}
    verdict = judged(1, "right", extracted="2", steps=(Step(0, 5, "judged", 1.0),))
    asked = Sample(row, "1+1=2#2", [1, 2], "stop", verdict=verdict)
    said = {
        "prompt": "1+1?",
        "gold": "2",
        "completion": "1+1=2#2",
        "score": 1.0,
        "status": "judged",
        "reason": "right",
        "extracted": "2",
        "rule": None,
        "finish_reason": "stop",
        "chain": True,
        "steps": [{"start": 0, "end": 5, "status": "judged", "score": 1.0, "reason": ""}],
    }
    assert summarise("test", [asked], [[]], judges_steps=True).examples == [said]
    assert summarise("test", [asked], [[]], judges_steps=False).examples == [{**said, "chain": None}]


def test_pass_at_j_counts_problems_with_as_many_judged_samples():
    samples = [
        [judged(1), judged(0), judged(0), judged(0)],  # 1 of 4: pass@2 is 1 - C(3,2) / C(4,2) = 0.5
        [judged(1), judged(1), abstained("?"), failed("?")],  # 2 of 2: pass@2 is 1, and there is no pass@4
        [abstained("?")] * 4,  # nothing is known
    ]
    evaluation = results([judged(0)] * 3, samples)
    assert evaluation.k == 4 and evaluation.pass_at.keys() == {1, 2, 4}
    assert evaluation.pass_at[1].value == pytest.approx((0.25 + 1.0) / 2)
    assert evaluation.pass_at[2].value == pytest.approx((0.5 + 1.0) / 2)
    assert evaluation.pass_at[4].value == evaluation.metrics["pass_at_k"].value == 1.0
    assert evaluation.metrics["mean_at_k"].value == pytest.approx((0.25 + 1.0) / 2)


def test_without_samples_there_are_no_figures_of_them():
    assert summarise("test", [done(judged(1))], [], judges_steps=True).k == 0
    metrics = results([judged(1)]).metrics
    assert metrics["mean_at_k"] is metrics["pass_at_k"] is metrics["maj_at_k"] is None


def test_json_has_everything_but_the_examples():
    half, third = Interval(0.5, 0.25, 0.75), Interval(1 / 3, 0.0, 1.0)
    evaluation = Evaluation(
        split="test", n=4, k=2, metrics={"greedy": half, "chain": None}, pass_at={1: third, 2: None},
        counts={"judged": 4, "abstained": 0, "failed": 0}, tokens=7, examples=[{"prompt": "p"}],
        samples=[[{"prompt": "p"}]],
    )  # fmt: skip
    assert evaluation.as_dict() == {
        "split": "test",
        "n": 4,
        "k": 2,
        "greedy": {"value": 0.5, "low": 0.25, "high": 0.75},
        "chain": None,
        "pass_at": {"1": {"value": 0.333333, "low": 0.0, "high": 1.0}, "2": None},
        "counts": {"judged": 4, "abstained": 0, "failed": 0},
    }


def test_a_config_says_how_a_split_is_measured():
    own = ["n=40", "validation_n=30", "k=3", "max_tokens=20", "temperature=0.6", "top_p=0.9", "batch=16"]
    quickstart = str(Path(__file__).parents[3] / "configs" / "quickstart.yaml")
    config = load(quickstart, ["seed=7", *(f"evaluation.{key}" for key in own)])
    settings = settings_for(config, "test")
    assert (settings.n, settings.k, settings.batch, settings.seed) == (40, 3, 16, 7)
    drawn = {"max_tokens": 20, "temperature": 0.6, "top_p": 0.9}
    assert drawn.items() <= dict(settings.parameters).items()
    assert settings_for(config, "validation") == dataclasses.replace(settings, n=30)
    config = load(quickstart, ["evaluation.n=40", "evaluation.validation_n=null", "sampling.max_tokens=11"])
    assert settings_for(config, "validation").n == 40
    assert settings_for(config, "test").parameters["max_tokens"] == 11  # of sampling, where evaluation says nothing


def test_samples_are_drawn_by_the_parameters_that_are_set(task, warm):
    def measured(**parameters):
        settings = EvaluationSettings(n=8, k=4, parameters={"max_tokens": 16, **parameters})
        return evaluate(*warm, task, "test", settings)

    cold, hot, nucleus = measured(temperature=1e-4), measured(temperature=5.0), measured(temperature=5.0, top_p=1e-6)
    assert nucleus == cold != hot  # the likeliest token alone, either way


def test_the_first_problems_of_the_split_are_measured_each_k_times(task, warm):
    told = []
    settings = EvaluationSettings(n=5, k=2, parameters={"max_tokens": 4}, batch=3)
    evaluation = evaluate(*warm, task, "validation", settings, told.append)
    assert (evaluation.split, evaluation.n, evaluation.k) == ("validation", 5, 2)
    assert [example["gold"] for example in evaluation.examples] == [
        row["gold"] for row in task.splits["validation"][:5]
    ]
    assert sum(told) == 5 + 5 * 2 and max(told) <= 3


def test_every_greedy_completion_is_the_policys_and_judged_by_the_tasks_verifier(task, warm):
    settings = EvaluationSettings(n=6, k=0, parameters={"max_tokens": 6})
    evaluation = evaluate(*warm, task, "test", settings)
    rows = task.splits["test"][:6]
    drawn = sample(*warm, [row["prompt"] for row in rows], max_tokens=6, temperature=None)
    verdicts = task.verifier([{**row, "prediction": one.text} for row, (one,) in zip(rows, drawn, strict=True)])
    for example, (one,), verdict in zip(evaluation.examples, drawn, verdicts, strict=True):
        assert (example["completion"], example["finish_reason"]) == (one.text, one.finish_reason)
        assert (example["score"], example["chain"]) == (verdict.score, verdict.chain_right)
    assert evaluation.metrics["chain"].value == sum(verdict.chain_right for verdict in verdicts) / 6


def test_the_seed_decides_the_samples(task, warm):
    def sampled(seed):
        return evaluate(*warm, task, "test", EvaluationSettings(n=8, k=8, parameters={"max_tokens": 16}, seed=seed))

    first, other = sampled(1), sampled(2)
    assert first.examples == other.examples and first.tokens != other.tokens


class Gathered(Exception):
    pass


class TwoProcesses:
    """Stands in for torch.distributed on one of two processes; `given` is what the other one has, in order."""

    def __init__(self, rank, given=None):
        self.rank, self.given, self.mine = rank, given, []

    def is_initialized(self):
        return True

    def get_rank(self):
        return self.rank

    def get_world_size(self):
        return 2

    def all_gather_object(self, parts, mine):
        self.mine.append(mine)
        if self.given is None:
            parts[:] = [mine * 2] * 2
            if len(self.mine) == 2:
                raise Gathered
        else:
            parts[self.rank], parts[1 - self.rank] = mine, self.given[len(self.mine) - 1]


def test_two_processes_measure_every_other_problem_and_put_them_together_in_order(task, warm, monkeypatch):
    settings = EvaluationSettings(n=5, k=2, parameters={"max_tokens": 8}, seed=3)
    alone = evaluate(*warm, task, "test", settings)
    monkeypatch.setattr(evaluation_module, "dist", other := TwoProcesses(1))
    with pytest.raises(Gathered):
        evaluate(*warm, task, "test", settings)
    monkeypatch.setattr(evaluation_module, "dist", TwoProcesses(0, given=other.mine))
    together = evaluate(*warm, task, "test", settings)
    assert together.examples == alone.examples and together.metrics["greedy"] == alone.metrics["greedy"]
    rows = task.splits["test"][:5]
    drawn = [
        one
        for rank in (0, 1)
        for group in sample(*warm, [r["prompt"] for r in rows[rank::2]], count=2, seed=3 + rank, max_tokens=8)
        for one in group
    ]
    greedy = sample(*warm, [row["prompt"] for row in rows], max_tokens=8, temperature=None)
    assert together.tokens == sum(len(one.ids) for one in [*drawn, *(one for (one,) in greedy)])
    assert together.k == 2 and together.n == 5
