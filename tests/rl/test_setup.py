"""The checks before a run starts."""

import pytest

from rl import setup
from rl.config import load
from rl.errors import UserError
from rl.training import train
from tests.rl.config.test_sections import QUICKSTART

MINE = """
def hinted(completions, hints, **columns):
    return [1.0] * len(completions)
"""

OWN = ["name=x", "task=chain", "policy.model=embedded", "rewards.correctness.weight=1"]


def refusal(task, *overrides):
    with pytest.raises(UserError) as caught:
        setup.rewards(load(QUICKSTART, overrides), task)
    return str(caught.value)


def test_a_column_that_is_missing_is_named_with_the_reward_that_needs_it(task, tmp_path):
    there = ", ".join(sorted(task.splits["train"][0]))
    assert refusal(task, "rewards.correctness.verifier=choice") == (
        f"rewards.correctness: needs a column 'choices'; the task has {there}"
    )
    (tmp_path / "mine.py").write_text(MINE)
    assert refusal(task, f"rewards.mine.function={tmp_path}/mine.py:hinted") == (
        f"rewards.mine: needs a column 'hints'; the task has {there}"
    )


def test_a_missing_column_is_found_before_the_policy_is_loaded(small):
    nowhere = ["policy.model=nowhere/at_all", "rewards.correctness.verifier=choice"]
    with pytest.raises(UserError, match="needs a column 'choices'"):
        train(load(QUICKSTART, [*small, *nowhere]))


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["rewards.length.options.target=0"], "rewards.length: target: expected more than 0, got 0"),
        (["rewards.correctness.options.digit=3"], "rewards.correctness: verifier 'chain' has no option 'digit'"),
        (["rewards.mine.function=a:b", "rewards.mine.verifier=math"], "rewards.mine: a function reads no verifier"),
    ],
)
def test_a_wrong_option_is_laid_at_its_reward(task, overrides, line):
    assert refusal(task, *overrides).startswith(line)


def test_prompts_are_measured_as_rounds_show_them(task):
    row = task.splits["train"][0]
    plain, gold = row["prompt"], row["gold"]
    star = ["algorithm=sft", "algorithm.few_shot.text='1+1? 2 '"]
    hints = "algorithm.hints.template='{prompt}{gold}?'"
    shown = {split: rows[0]["prompt"] for split, rows, _ in setup.lengthened(load(None, [*OWN, *star, hints]), task)}
    assert shown == {"train": f"1+1? 2 {plain}", "hinted train": f"1+1? 2 {plain}{gold}?"}
    (hinted,) = setup.lengthened(load(None, [*OWN, "algorithm=sft", hints]), task)
    assert hinted[1][0]["prompt"] == f"{plain}{gold}?" and not setup.lengthened(
        load(None, [*OWN, "algorithm=sft"]), task
    )


@pytest.mark.parametrize("key", ["sampling", "evaluation"])
def test_a_special_token_among_other_text_of_a_stop_is_refused(warm, key):
    config = load(None, [*OWN, "algorithm=grpo", f"{key}.stop=['#', '<eos>#']"])
    with pytest.raises(UserError, match=rf"{key}\.stop: '<eos>#' has other text beside the special token '<eos>'"):
        setup.check_stops(config, warm[1])
