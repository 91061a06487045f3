import subprocess
import sys
from pathlib import Path

from rl import tasks
from rl.config import load
from rl.runs import plan

QUICKSTART = str(Path(__file__).parents[3] / "configs" / "quickstart.yaml")


def test_the_plan_counts_prompts_completions_tokens_and_steps():
    config = load(
        QUICKSTART,
        ["trainer.max_steps=12", "trainer.save_steps=4", "trainer.num_iterations=2", "trainer.steps_per_generation=2"],
    )
    lines = " ".join(" ".join(line) for line in plan.describe(config, tasks.load(config)))
    # a cycle is 2 x 2 optimizer steps on 2 batches of 16; 12 steps are 3 cycles
    assert "16 prompts x 2 = 32 completions" in lines and "for every 4 optimizer steps" in lines
    assert "12 optimizer steps, 96 completions" in lines and f"{96 * 32:,} tokens" in lines
    assert "accepts its own gold answer on all 600" in lines and "and 0 of " in lines


def test_the_plan_counts_a_cycle_that_is_used_in_part_and_the_whole_cycles_of_each_pass():
    # a cycle is 2 x 2 optimizer steps on 2 batches of 16 completions, of 16 prompts
    own = ["trainer.num_iterations=2", "trainer.steps_per_generation=2", "evaluation.every=0", "trainer.save_steps=4"]
    config = load(QUICKSTART, ["trainer.max_steps=2", *own])
    assert ("training", "ppo: 2 optimizer steps, 32 completions") in plan.describe(config, tasks.load(config))
    config = load(QUICKSTART, [*own, "trainer.max_steps=-1", "trainer.num_train_epochs=2.5", "task.sizes.train=40"])
    # each pass over 40 prompts has 2 cycles, and 8 prompts that fill none
    assert plan.optimizer_steps(config, tasks.load(config)) == 20


def test_the_plan_says_whose_turn_it_is_and_how_problems_are_answered():
    config = load(Path(QUICKSTART).parent / "papers" / "crystal.yaml", ["algorithm.answering.qa_weight=0.5"])
    lines = " ".join(" ".join(line) for line in plan.describe(config, tasks.load(config)))
    assert (
        "after every 1 of these draws, 1 for learning gold answers: after a statement x 1, without one x 0.5" in lines
    )
    assert "greedy, and by the max over 4 statements and no statement" in lines


def test_the_plan_counts_the_control_tokens_of_each_reward():
    config = load(Path(QUICKSTART).with_name("quark.yaml"))
    assert ("control tokens", "correctness 2, steps 5") in plan.describe(config, tasks.load(config))


def test_check_prints_the_resolved_config_and_starts_nothing(tmp_path):
    command = [Path(sys.executable).with_name("whetstone"), "check", QUICKSTART, f"logging.folder={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"folder: {tmp_path}" in done.stdout and "480 optimizer steps" in done.stdout
    assert not list(tmp_path.iterdir())


def test_data_on_the_hub_is_left_alone(monkeypatch):
    config = load(Path(QUICKSTART).with_name("gsm8k_smollm2.yaml"))
    assert tasks.is_on_hub(config) and not tasks.is_on_hub(load(QUICKSTART))
    lines = " ".join(" ".join(line) for line in plan.describe(config, None))
    assert "on the hub" in lines and "5 optimizer steps" in lines and "not known before" in lines


def test_the_plan_of_rounds_counts_prompts_and_completions_a_round():
    config = load(Path(QUICKSTART).with_name("dpo.yaml"), ["algorithm.prompts=100", "algorithm.rounds=2"])
    lines = " ".join(" ".join(line) for line in plan.describe(config, tasks.load(config)))
    assert "100 prompts x 8 = 800 completions per round" in lines and "1,600 completions" in lines


def test_the_plan_of_strategies_counts_the_completions_of_all_of_them():
    strategies = "algorithm.strategies.templates={a: '{prompt};', b: '{prompt}#'}"
    given = ["algorithm.prompts=10", "sampling.completions=4", strategies]
    config = load(Path(QUICKSTART).with_name("star.yaml"), given)
    lines = plan.describe(config, tasks.load(config))
    assert ("sampling", "10 prompts x 4 x 2 strategies = 80 completions per round") in lines
