"""Which given examples the rules keep, by hand."""

from dataclasses import replace

import pytest

from rewards.sample import Judgement
from rl.config.examples import KeepRules
from rl.errors import UserError
from rl.examples.rules import Candidate, keep, rewards_named
from tests.rl.samples import judged_sample


def candidate(text="1+1=2", prompt="p", right=1.0, reward=None, **columns):
    sample = judged_sample(text, right, prompt=prompt)
    said = {} if reward is None else {"form": Judgement(reward, "judged")}
    return Candidate("a.jsonl:1", (replace(sample, row={**sample.row, **columns}, rewards=said),))


def kept(candidates, rewards=(), **rules):
    found = keep(candidates, KeepRules(**rules), rewards)
    return [candidates.index(one) for one in found.candidates], found.dropped


def test_without_rules_everything_is_kept():
    assert kept([candidate(), candidate(right=0.0)]) == ([0, 1], {})


def test_only_what_is_judged_right_is_kept():
    unknown = candidate(right=None)
    assert kept([candidate(), candidate(right=0.0), unknown], right=True) == ([0], {"not right": 2})


def test_columns_have_bounds_and_what_is_empty_does_not_pass():
    some = [candidate(v=v) for v in (1, 2.5, "3", None, float("nan"))]
    assert kept(some, at_least={"v": 2.5}) == ([1, 2], {"v below 2.5": 3})
    assert kept(some, at_most={"v": 2.5}) == ([0, 1], {"v above 2.5": 3})


def test_a_reward_is_meant_before_a_column_of_its_name():
    some = [candidate(reward=0.2, form=9), candidate(reward=0.8, form=0), candidate(reward=None, form=9)]
    some[2] = some[2]._replace(samples=(replace(some[2].first, rewards={"form": Judgement(None, "abstained")}),))
    assert kept(some, ["form"], at_least={"form": 0.5}) == ([1], {"form below 0.5": 2})
    assert rewards_named(KeepRules(at_least={"form": 0.5}, at_most={"v": 1}), ["other", "form"]) == ["form"]
    assert rewards_named(KeepRules(best_by="form", per_prompt=1), ["form"]) == ["form"]


def test_a_column_has_one_of_the_values_wanted():
    some = [candidate(kind=kind) for kind in ("a", "b", "c", None)]
    assert kept(some, equal={"kind": ["a", "c"]})[0] == [0, 2]
    assert kept(some, equal={"kind": "b"}) == ([1], {"kind not b": 3})


def test_completions_of_a_prompt_with_the_same_equations_are_alike():
    some = [candidate("1+1=2"), candidate("So 1 + 1 = 2"), candidate("1+1=2", prompt="q"), candidate("2+0=2")]
    assert kept(some, distinct=True) == ([0, 2, 3], {"alike": 1})


def test_the_best_of_a_prompt_are_kept_in_the_order_of_the_examples():
    some = [candidate(v=v, prompt=p) for v, p in ((1, "p"), (3, "p"), (2, "q"), (3, "p"), (5, "p"))]
    assert kept(some, per_prompt=2, best_by="v") == ([1, 2, 4], {"beyond 2 per prompt": 2})
    assert kept(some, per_prompt=2) == ([0, 1, 2], {"beyond 2 per prompt": 2})


def test_rules_follow_each_other_and_each_counts_what_it_leaves_out():
    some = [candidate(right=0.0, v=9), candidate(v=1), candidate(v=2), candidate(v=3)]
    rules = {"right": True, "at_least": {"v": 2}, "per_prompt": 1, "best_by": "v"}
    assert kept(some, **rules) == ([3], {"not right": 1, "v below 2": 1, "beyond 1 per prompt": 1})


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"at_least": {"w": 1}}, "keep.at_least: a.jsonl:1: 'w' is neither a reward of the run nor a column"),
        ({"at_most": {"v": 1}}, "keep.at_most: a.jsonl:1: column 'v' holds 'high', which is not a number"),
        ({"equal": {"w": 1}}, "keep.equal: a.jsonl:1: 'w' is neither a reward"),
        ({"best_by": "w", "per_prompt": 1}, "keep.best_by: a.jsonl:1: 'w' is neither a reward"),
    ],
)
def test_a_rule_over_what_is_not_there_is_refused(rules, message):
    with pytest.raises(UserError, match=message):
        kept([candidate(v="high"), candidate(v="high")], **rules)
