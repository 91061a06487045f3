"""`whetstone preflight` on the smallest policy: what it draws, says and leaves alone."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from rl.analysis.preflight import draws
from rl.analysis.preflight.of_evaluation import of_evaluation
from rl.config import load
from rl.errors import UserError
from rl.preflight import preflight

CONFIGS = Path(__file__).parents[2] / "configs"
WRONG = "def wrong(completions, **columns):\n    return [float('nan') for _ in completions]\n"


def test_it_draws_whole_groups_judges_them_and_writes_nothing(small, tmp_path, capsys):
    config = load(CONFIGS / "quickstart.yaml", [*small, "sampling.completions=4"])
    found, judged = preflight(config, 18)
    assert (found.problems, found.group, found.judged) == (5, 4, 1.0)
    assert found.shares.keys() == {"correctness", "steps"} or not found.signal
    printed = capsys.readouterr().out
    assert "5 train problems x 4 completions" in printed and f"verdict: {judged.word}" in printed
    # 4 draws of 16 for training; tests of 16 and three validations of 8, greedy and twice
    assert "64 + 168 to evaluate" in printed
    assert not list(tmp_path.iterdir())


def test_a_reward_that_breaks_is_a_finding_and_no_crash(small, tmp_path):
    (tmp_path / "mine.py").write_text(WRONG)
    broken = f"rewards.mine={{function: '{tmp_path}/mine.py:wrong', weight: 1.0}}"
    found, judged = preflight(load(CONFIGS / "quickstart.yaml", [*small, broken]), 16)
    assert found.rewards_failed["mine"] == 1.0 and judged.word == "will not learn"
    assert any("'mine' failed on 100%" in reason.what for reason in judged.reasons)


def test_a_run_that_draws_nothing_has_nothing_to_look_at(tmp_path):
    (tmp_path / "given.jsonl").write_text('{"prompt": "1+1?", "completion": "1+1=2#2"}\n')
    given = ["algorithm.prompts=0", f"algorithm.examples.data={tmp_path}/given.jsonl", "algorithm.rounds=1"]
    with pytest.raises(UserError, match=r"algorithm\.prompts: is 0"):
        preflight(load(CONFIGS / "star.yaml", given), 16)


def test_groups_are_drawn_as_in_the_first_round_and_greedy_ones_as_in_evaluations(small, warm, monkeypatch):
    asked, plain = [], draws.sample

    def sample(model, tokenizer, prompts, **how):
        asked.append((model, list(prompts), how.get("temperature", 1.0)))
        return plain(model, tokenizer, prompts, **how)

    monkeypatch.setattr(draws, "sample", sample)
    other = str(warm[0].config._name_or_path)
    own = ["algorithm.few_shot.text='1+1?1+1=2#2'", f"algorithm.first_sampler={other}", "sampling.completions=4"]
    preflight(load(CONFIGS / "star.yaml", [*small, "trainer.steps_per_generation=null", *own]), 16)
    (sampler, shown, _), (policy, prompts, temperature) = asked
    assert shown == [f"1+1?1+1=2#2{prompt}" for prompt in prompts] and temperature is None
    assert sampler is not policy and sampler.config._name_or_path == other


def test_samples_of_an_evaluation_say_nothing_about_groups_that_are_drawn_otherwise(small):
    own = ["algorithm.few_shot.text='1+1?1+1=2#2'", "sampling.completions=4", "trainer.steps_per_generation=null"]
    assert of_evaluation(load(CONFIGS / "star.yaml", [*small, *own]), SimpleNamespace(k=2)) is None
