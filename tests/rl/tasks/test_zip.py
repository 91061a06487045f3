import random
from collections import Counter

import pytest

from rl.config import load
from rl.errors import UserError
from rl.policy.warm_start import build_tokenizer
from rl.tasks import zip as task_zip
from rl.tasks.task import SPLITS
from verifiers.zip import successor


def test_each_split_has_all_problems_and_the_verifier_accepts_the_worked_answers():
    task = task_zip.build(3, [0.2] * 3, "steps", 0)
    prompts = [[row["prompt"] for row in task.splits[split]] for split in SPLITS]
    assert all(len(set(some)) == 64 for some in prompts) and prompts[0] != prompts[1]
    for row in task.splits["test"]:
        (verdict,) = task.verifier([{**row, "prediction": task.solve(row)}])
        assert verdict.score == 1.0 and verdict.chain_right


def test_a_state_is_a_token():
    task = task_zip.build(3, [0.2] * 3, "chains", 0)
    tokenizer = build_tokenizer(task.vocabulary)
    rng = random.Random(0)
    for _ in range(100):
        prompt, completion = task.demonstrate(rng)
        ids = tokenizer(prompt + completion)["input_ids"]
        assert len(ids) == 4 and tokenizer.unk_token_id not in ids
    assert len(task.vocabulary) == len(set(task.vocabulary)) == 4 * 64


def test_the_demonstrator_is_better_than_chance_by_delta_and_its_mistakes_are_spread_evenly():
    task, rng = task_zip.build(2, [0.2, 0.0], "steps", 0), random.Random(0)
    drawn = [task.demonstrate(rng) for _ in range(60_000)]
    right = {":" in prompt: [] for prompt, _ in drawn}
    wrong = Counter()
    for prompt, completion in drawn:
        if completion:
            after = successor(prompt.removeprefix(">"))
            right[":" in prompt].append(completion == f">{after}")
            if ":" not in prompt and not right[False][-1]:
                wrong[completion] += 1
    # about 20,000 steps of each kind: four standard deviations are 0.012 and less
    assert sum(right[False]) / len(right[False]) == pytest.approx(1 / 16 + 0.2, abs=0.013)
    assert sum(right[True]) / len(right[True]) == pytest.approx(1 / 16, abs=0.007)
    assert len(wrong) == 16 and max(wrong.values()) < 1.3 * min(wrong.values())
    ends = [completion for prompt, completion in drawn if ">" in prompt and ":" not in prompt]
    assert ends and set(ends) == {""}


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("task.delta=[0.1,0.2]", r"expected one number, or 3 for 3 steps, got \[0.1, 0.2\]"),
        ("task.delta=0.99", "0.984375 is the most"),
        ("task.demonstrate=chains", r"task.demonstrate: steps needs policy.attention=current_token.*current_token"),
        ("policy.attention=null", r"task.demonstrate: steps needs .*the attention is the default"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_loaded(tmp_path, override, line):
    file = tmp_path / "z.yaml"
    file.write_text(
        "name: z\ntask: zip\npolicy: {model: embedded, attention: current_token}\nrewards: {correctness: {}}\n"
        "algorithm: {name: sft}\n"
    )
    assert load(file).task.deltas == [0.2] * 3
    with pytest.raises(UserError, match=line):
        load(file, [override])
