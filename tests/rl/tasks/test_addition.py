import random

import pytest

from rl.policy.warm_start import build_tokenizer
from rl.tasks import addition
from rl.tasks.task import split_of
from verifiers.addition import TRACES

SIZES = {"train": 100, "validation": 10, "test": 20}


@pytest.mark.parametrize("trace", TRACES)
def test_the_verifier_accepts_each_solution_and_the_vocabulary_tiles_it(trace):
    task = addition.build((1, 3), trace, SIZES, 0)
    tokenizer = build_tokenizer(task.vocabulary)
    for split, rows in task.splits.items():
        assert {split_of(row["prompt"]) for row in rows} == {split} and len(rows) == SIZES[split]
        for row in rows:
            (verdict,) = task.verifier([{**row, "prediction": task.solve(row)}])
            assert verdict.chain_right
            assert tokenizer.unk_token_id not in tokenizer(row["prompt"] + task.solve(row))["input_ids"]


def test_traces_have_the_same_problems_and_a_scratchpad_of_random_contents_stays_the_same():
    plain, noise = (addition.build((2, 2), trace, SIZES, 0) for trace in ("plain", "random"))
    assert plain.splits == noise.splits
    row = noise.splits["train"][0]
    assert noise.solve(row) == noise.solve(row) and len({noise.solve(one)[:7] for one in noise.splits["train"]}) > 50


def test_the_demonstrator_slips_at_a_place_in_ten_and_carries_on_rightly():
    rng = random.Random(0)
    slips = [addition.solve("28+67=", "simplified", slip=0.1, rng=rng) != "5,1;9,0#95" for _ in range(4000)]
    assert sum(slips) / 4000 == pytest.approx(1 - 0.9**2, abs=0.02)
    wrong = addition.solve("28+67=", "simplified", slip=1.0, rng=rng)
    assert wrong[2] == "1" and wrong[6] == "0"


def test_sums_have_as_many_digits_as_asked_for():
    task = addition.build((1, 3), "plain", SIZES, 0)
    lengths = {tuple(map(len, row["prompt"].rstrip("=").split("+"))) for row in task.splits["train"]}
    assert lengths == {(1, 1), (2, 2), (3, 3)}
