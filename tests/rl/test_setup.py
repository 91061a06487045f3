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
