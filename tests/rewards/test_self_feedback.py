"""Self-feedback, compared with one forward pass per text; its fixed normalisation, and what it refuses."""

import math

import numpy as np
import pytest
import torch

from rewards import score
from rewards.building.build import build
from rewards.models.generate import SamplingParameters, generate
from rewards.models.likelihoods import Likelihood
from rewards.models.load import frozen
from rewards.models.prompts import encode
from rewards.parts.context import Context
from rewards.self_feedback import margin
from verifiers.runtime.verifier import Verifier

PROMPT = "Which weighs more, (A) quell or (B) koba?"
CHOICES = [{"label": "A", "text": "quell"}, {"label": "B", "text": "koba"}]
ROWS = [{"prompt": f"{'so ' * n}{PROMPT}", "gold": "AB"[n % 2], "choices": CHOICES} for n in range(12)]
COMPLETIONS = [" quell weighs 5. Answer: (A)", " koba eats. Answer: (B)", "no marker"]
COLUMNS = {"gold": ["A", "B", "A"], "choices": [CHOICES] * 3}
PASS = {"marker": None, "rows": 10, "max_tokens": 6}
"""A random policy writes no marker; all that it draws is rationale."""


@pytest.fixture(scope="module")
def pair(model_folder):
    return frozen(model_folder())()


def made(policy, train=(), model=None, **options):
    context = Context(Verifier("facts"), policy=policy, rows=train)
    (reward,) = build({"self_feedback": {"model": model, "options": options}}, context).rewards
    return reward


def test_the_margin_is_to_the_best_other_choice():
    assert margin([Likelihood(-1, 1), Likelihood(-3, 1), Likelihood(-2, 1)], 0) == 1
    assert margin([Likelihood(-1, 1), Likelihood(-3, 1), Likelihood(-2, 1)], 1) == -2


def test_the_reward_is_half_the_difference_of_tanh_margins(pair, logprob):
    def by_hand(context, gold):
        scores = {label: logprob(*pair, context, f" ({label})") for label in "AB"}
        return scores[gold] - scores["BA"["AB".index(gold)]]

    scores = made(lambda: pair, normalise=False).score([PROMPT] * 3, COMPLETIONS, [[1]] * 3, **COLUMNS)
    for row, gold in enumerate("AB"):
        rationale = COMPLETIONS[row].partition(" Answer:")[0]
        told, bare = by_hand(f"{PROMPT}{rationale} Answer:", gold), by_hand(f"{PROMPT} Answer:", gold)
        assert scores.values[row] == pytest.approx(0.5 * (math.tanh(told) - math.tanh(bare)), abs=1e-4)
        assert scores.columns["with"][row] == pytest.approx(told, abs=1e-4)
        assert scores.columns["without"][row] == pytest.approx(bare, abs=1e-4)
    assert scores.values[2] is None


def test_rewards_are_normalised_by_what_the_initial_policy_earned(pair):
    reward, plain = made(lambda: pair, ROWS, **PASS), made(lambda: pair, marker=None, normalise=False)
    values = reward([PROMPT] * 3, COMPLETIONS, **COLUMNS)
    chosen = [ROWS[i] for i in np.random.default_rng(0).permutation(12)[:10]]
    drawn = generate(*pair, [encode(row["prompt"], pair[1]) for row in chosen], SamplingParameters(6, 0.7), seed=0)
    texts = [one.text for (one,) in drawn]
    raw = plain(
        [row["prompt"] for row in chosen],
        texts,
        gold=[row["gold"] for row in chosen],
        choices=[CHOICES] * 10,
    )
    assert reward.state_dict() == pytest.approx({"mean": np.mean(raw), "std": np.std(raw)}, abs=1e-6)
    unnormalised = plain([PROMPT] * 3, COMPLETIONS, **COLUMNS)
    assert values == pytest.approx([(value - np.mean(raw)) / np.std(raw) for value in unnormalised], abs=1e-3)


def test_the_normalisation_stays_while_the_policy_moves_and_after_a_resume(pair, model_folder):
    now = [pair]
    reward = made(lambda: now[0], ROWS, **PASS)
    reward([PROMPT] * 3, COMPLETIONS, **COLUMNS)
    state = reward.state_dict()
    now[0] = frozen(model_folder(seed=1))()
    moved = reward([PROMPT] * 3, COMPLETIONS, **COLUMNS)
    assert reward.state_dict() == state
    resumed = made(lambda: now[0], ROWS, **PASS)
    assert resumed.state_dict() == {}
    resumed.load_state_dict({})
    resumed.load_state_dict(state)
    assert resumed([PROMPT] * 3, COMPLETIONS, **COLUMNS) == pytest.approx(moved)


def test_the_pass_leaves_random_numbers_and_the_policy_as_they_were(pair):
    model = pair[0]
    torch.manual_seed(3)
    model.train()
    state = torch.get_rng_state()
    first = made(lambda: pair, ROWS, **PASS)
    first.measure()
    assert torch.equal(torch.get_rng_state(), state) and model.training
    again = made(lambda: pair, ROWS, **PASS)
    again.measure()
    assert again.state_dict() == first.state_dict()
    model.eval()


def test_a_frozen_baseline_does_not_follow_the_policy(pair, model_folder):
    folder, now = model_folder(seed=1), [pair]
    reward = made(lambda: now[0], baseline=folder, normalise=False)
    before = reward.score([PROMPT], COMPLETIONS[:1], [[1]], gold=["A"], choices=[CHOICES]).columns
    now[0] = frozen(model_folder(seed=2))()
    after = reward.score([PROMPT], COMPLETIONS[:1], [[1]], gold=["A"], choices=[CHOICES]).columns
    assert after["without"] == before["without"] and after["with"] != before["with"]


def test_the_policy_as_the_run_began_may_judge_in_both_terms_or_in_the_one_without(pair, model_folder):
    moved = frozen(model_folder(seed=2))()
    context = Context(Verifier("facts"), policy=lambda: moved, base=lambda: pair)

    def columns(**settings):
        options = {"normalise": False, **settings.pop("options", {})}
        (reward,) = build({"self_feedback": {**settings, "options": options}}, context).rewards
        return reward.score([PROMPT], COMPLETIONS[:1], [[1]], gold=["A"], choices=[CHOICES]).columns

    now, frozen_judge, frozen_baseline = columns(), columns(model="base"), columns(options={"baseline": "base"})
    assert frozen_baseline["with"] == pytest.approx(now["with"], abs=1e-4)
    assert frozen_baseline["without"] == pytest.approx(frozen_judge["without"], abs=1e-4)
    assert frozen_judge["with"] != now["with"] and frozen_judge["without"] != now["without"]


@pytest.mark.parametrize(
    ("policy", "train", "options", "message"),
    [
        (None, ROWS, {}, "self_feedback: model: there is no policy here"),
        (lambda: None, (), {}, "no rows of a train split here to measure rewards with; set options.normalise: false"),
        (lambda: None, ROWS, {"temperature": 0}, "temperature: expected more than 0, got 0"),
        (lambda: None, ROWS, {"normalize": False}, "no option 'normalize'; did you mean 'normalise'"),
    ],
)
def test_what_cannot_work_is_refused_before_any_score(policy, train, options, message):
    with pytest.raises(ValueError, match=message):
        made(policy, train, **options)


def test_a_frozen_judge_serves_saved_completions_without_a_policy(model_folder):
    folder = model_folder()
    with pytest.raises(ValueError, match="there is no policy here"):
        made(None, model=folder)
    values = made(None, model=folder, normalise=False)([PROMPT] * 3, COMPLETIONS, **COLUMNS)
    assert [value is None for value in values] == [False, False, True]


def test_a_policy_that_never_comes_to_an_answer_cannot_be_measured(pair):
    reward = made(lambda: pair, ROWS, rows=4, max_tokens=4)
    with pytest.raises(ValueError, match="0 of 4 completions of the initial policy have a reward"):
        reward([PROMPT] * 3, COMPLETIONS, **COLUMNS)


def test_data_without_choices_is_refused_before_the_policy_is_asked():
    def policy():
        raise AssertionError("asked")

    with pytest.raises(ValueError, match="'self_feedback' needs a column 'choices', which the data lacks"):
        score(COMPLETIONS, {"self_feedback": {"options": {"normalise": False}}}, gold=["A"] * 3, policy=policy)
