import itertools

import pytest

from rewards.sample import Sample
from rl.analysis.evaluation import EvaluationSettings, evaluate, pass_at, summarise
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
    evaluation = results([judged(1), judged(0), abstained("no gold"), failed("broke")])
    assert evaluation.metrics["greedy"].value == 0.5
    assert evaluation.counts == {"judged": 2, "abstained": 1, "failed": 1}


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
    metrics = results([judged(0)] * 3, samples).metrics
    assert metrics["mean_at_k"].value == pytest.approx(4 / 12)
    assert metrics["pass_at_k"].value == pytest.approx(2 / 3)
    assert metrics["maj_at_k"].value == pytest.approx((1 + 0.5 + 0) / 3)


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
