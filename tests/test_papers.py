"""The recipes of `configs/papers/`: each arm loads, and holds what its comment says is held."""

import json
import random
import re
from pathlib import Path

import pytest

from rl import tasks
from rl.analysis.rl_star import enumerate_rounds, informed, theory_delta
from rl.config import load, load_stages
from rl.config.layers import arms
from rl.errors import UserError
from rl.examples.reading import rows_of
from rl.training import train

ROOT = Path(__file__).parents[1]
FILES = {file.stem: file for file in sorted((ROOT / "configs" / "papers").glob("*.yaml"))}
RECIPES = {name: file for name, file in FILES.items() if arms(file)}
REWARDS = ["consistency", "correctness", "plausibility", "diversity"]
ARMS = [(name, arm) for name, file in RECIPES.items() for arm in arms(file)]


def of(name, arm):
    return load(RECIPES[name], arms(RECIPES[name])[arm])


def examples(config):
    """Source → its rows, each as often as its weight says on average."""
    found = rows_of(config, tasks.load(config))
    return {name: (rows, config.algorithm.examples.data[name].weight) for name, rows in found.rows.items()}


def tokens_learnt(config):
    """Tokens of completions that a fit learns from, on average: a character and an end each on `chain`."""
    weighed = [(len(row.texts[0]) + 1, weight) for rows, weight in examples(config).values() for row in rows]
    mean = sum(length * weight for length, weight in weighed) / sum(weight for _, weight in weighed)
    return mean * config.trainer["max_steps"] * config.trainer["per_device_train_batch_size"]


@pytest.mark.parametrize(("name", "arm"), ARMS, ids=[f"{name}: {arm}" for name, arm in ARMS])
def test_an_arm_loads(name, arm):
    given = arms(RECIPES[name])[arm]
    assert load_stages(RECIPES[name], given) or load(RECIPES[name], given)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_what_it_is_and_has_the_method_and_a_control(name):
    comment = "".join(line for line in RECIPES[name].read_text().splitlines(keepends=True) if line.startswith("#"))
    assert re.search(r"arXiv:\d{4}\.\d{5}", comment) and "claim" in comment
    assert f"whetstone train configs/papers/{name}.yaml" in comment and f"make papers ONLY={name}" in comment
    variants = arms(RECIPES[name])
    assert [] in variants.values(), "no arm is the file as it is"
    assert any(arm.startswith("control: ") for arm in variants)
    assert len({tuple(overrides) for overrides in variants.values()}) == len(variants)


def test_arms_are_no_part_of_the_run_and_must_be_lists_of_overrides(tmp_path):
    (tmp_path / "a.yaml").write_text("name: a\ntask: chain\narms: {b: trainer.max_steps=1}\n")
    with pytest.raises(UserError, match=r"arms: expected name: \[key=value, ...\], got"):
        load(tmp_path / "a.yaml")


@pytest.mark.parametrize("questions_of", ["D = 1", "D = 2", "D = 4", "answers alone"])
def test_fine_tune_cot_has_the_same_questions_and_steps_with_every_d(questions_of):
    one, whole = of("fine_tune_cot", questions_of), of("fine_tune_cot", "D = 8")
    ((few, _),), ((many, _),) = examples(one).values(), examples(whole).values()
    assert dict.fromkeys(row.row["prompt"] for row in few) == dict.fromkeys(row.row["prompt"] for row in many)
    assert len(many) == 8 * len({row.row["prompt"] for row in many}) and one.trainer == whole.trainer


def test_mix_distillation_learns_from_as_many_tokens_in_every_arm():
    whole = tokens_learnt(of("mix_distillation", "a fifth long"))
    for arm in ("no long ones", "half long", "all long", "smaller, all long"):
        assert tokens_learnt(of("mix_distillation", arm)) == pytest.approx(whole, rel=0.01), arm
    (longer, _), (short, _) = examples(of("mix_distillation", "half long")).values()
    assert [row.row["prompt"] for row in longer] == [row.row["prompt"] for row in short]


def test_skintern_takes_as_many_steps_with_every_schedule():
    lengths = {
        (len(fade.shares), fade.passes)
        for arm in arms(RECIPES["skintern"])
        if (fade := of("skintern", arm).algorithm.examples.fade) is not None
    }
    assert lengths == {(4, 3)}


def test_tiny_llm_has_as_many_rationales_of_the_same_questions_in_every_arm():
    found = {}
    for arm in arms(RECIPES["tiny_llm"]):
        rows = [row for own, weight in examples(of("tiny_llm", arm)).values() if weight for row in own]
        found[arm] = len(rows), tuple(sorted({row.row["prompt"] for row in rows}))
    assert len(set(found.values())) == 1 and found["both teachers"][0] == 400


def test_mario_measures_all_rewards_and_draws_as_much_in_every_arm():
    drawn = {}
    for arm, overrides in arms(RECIPES["mario"]).items():
        imitate, improve = load_stages(RECIPES["mario"], overrides).values()
        assert list(improve.rewards) == list(imitate.rewards) == REWARDS
        assert improve.evaluation.rewards and imitate.evaluation.rewards
        if improve.algorithm.in_rounds:
            drawn[arm] = improve.algorithm.rounds * improve.algorithm.prompts * improve.sampling.completions
        else:
            drawn[arm] = improve.trainer["max_steps"] * improve.trainer["per_device_train_batch_size"]
    assert max(drawn.values()) == pytest.approx(min(drawn.values()), rel=0.01)


def test_learn_to_reason_learns_nothing_of_the_student_and_asks_what_it_teaches():
    config = of("learn_to_reason", "tailored")
    assert config.algorithm.keep.threshold > sum(reward.weight for reward in config.rewards.values())
    ((rows, _),) = examples(config).values()
    assert [row.index for row in rows] == list(range(config.task.sizes.train))


def test_rl_star_keeps_many_chains_for_each_state_where_its_theory_is_compared_and_few_where_it_warns():
    def kept(arm):
        """Expected chains that a first round keeps for each first state, over the number of states."""
        config = of("rl_star", arm)
        states = 4**config.task.bits
        policy = informed([theory_delta(delta, states) for delta in config.task.deltas], states)
        return enumerate_rounds(policy, 1)[0].right * config.sampling.completions / states

    assert kept("delta = 0.2") > 3 and kept("delta = 0.1") > 2
    assert kept("few chains, delta = 0.1") < 0.1 and kept("control: every step guesses, few chains") < 0.1
    for arm in arms(RECIPES["rl_star"]):
        config = of("rl_star", arm)
        assert config.algorithm.keep.repeats and config.algorithm.keep.quota >= config.sampling.completions, arm
        assert (config.sampling.temperature == 1) == (arm != "temperature 0.5")


def test_star_draws_one_sample_and_its_fits_grow_by_a_fifth_from_the_base():
    config = of("star", "STaR")
    assert (config.sampling.completions, config.algorithm.fit_from, config.algorithm.pool_rounds) == (1, "base", 1)
    assert config.algorithm.examples is None
    steps = [round(config.trainer["max_steps"] * config.algorithm.step_growth**number) for number in range(4)]
    assert steps == [40, 48, 58, 69] and of("star", "without rationalisation").algorithm.hints is None
    task = tasks.load(config)
    drawn = [task.demonstrate(random.Random(seed)) for seed in range(200)]
    shown = [prompt for prompt, _ in drawn if prompt.count("?") == 2]
    assert 0.2 < len(shown) / len(drawn) < 0.4 and all(re.fullmatch(r"[-+*\d]+\?\d\?", prompt) for prompt in shown)


def test_sipf_fits_as_long_from_the_same_base_in_every_arm_and_only_the_pairs_differ():
    loaded = stages_of("sipf")
    whole = loaded["process pairs"]["sipf"]
    for arm, stages in loaded.items():
        assert stages["sft"] == loaded["process pairs"]["sft"] and stages["sipf"].policy == whole.policy, arm
        if arm != "SFT on gold alone":
            ours, theirs = stages["sipf"].algorithm, whole.algorithm
            assert stages["sipf"].trainer == whole.trainer and stages["sipf"].sampling == whole.sampling
            assert (ours.rounds, ours.prompts, ours.fit_from) == (theirs.rounds, theirs.prompts, "base"), arm
            assert (ours.first_sampler, ours.quota) == (theirs.first_sampler, theirs.quota), arm
            assert ours.sift == theirs.sift or arm.endswith("false equations dropped")
            assert ours.examples is None


@pytest.mark.parametrize("name", ["rl_star_gpu", "star_gpu", "sipf_gpu"])
def test_a_recipe_at_the_papers_size_loads_and_says_that_it_was_not_run(name):
    assert load_stages(FILES[name]) or load(FILES[name])
    comment = " ".join(line.strip("# ") for line in FILES[name].read_text().splitlines() if line.startswith("#"))
    assert "Not run yet." in comment and f"whetstone train configs/papers/{name}.yaml" in comment


def test_crystal_rewards_the_statement_alone_and_takes_turns_with_answers(tmp_path, cache):
    small = [
        "policy.warm_start={steps: 60, batch: 16, hidden: 32, layers: 1, heads: 2}", "trainer.max_steps=4",
        "task.sizes={train: 64, validation: 8, test: 8}", "trainer.steps_per_generation=1", "trainer.logging_steps=1",
        "rewards.self_feedback.options={rows: 64, max_tokens: 24}", "trainer.save_steps=4", "sampling.max_tokens=24",
        "evaluation={n: 8, statements: {k: 2}}", f"logging.folder={tmp_path}", "trainer.per_device_train_batch_size=32",
    ]  # fmt: skip
    summary = train(load(RECIPES["crystal"], small))
    lines = [json.loads(line) for line in (tmp_path / "crystal" / "metrics.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "loss" in line]
    assert ["answering/qka_loss" in line for line in steps] == ["ppo/approx_kl" not in line for line in steps]
    assert ["answering/qka_loss" in line for line in steps] == [False, True, False, True]
    assert all(0 < line["rewards/self_feedback/marked"] <= 1 for line in steps)
    after = {name: summary["after"][name]["value"] for name in ("with_statement", "without_statement", "rectified")}
    assert after["rectified"] == pytest.approx(after["with_statement"] - after["without_statement"], abs=1e-5)
    config = of("crystal", "Crystal")
    assert {name: (one.weight, one.credit_on) for name, one in config.rewards.items()} == {
        "correctness": (0.0, "completion"), "self_feedback": (1.0, "rationale"),
    }  # fmt: skip


def test_crystal_takes_as_many_ppo_steps_with_and_without_alternation():
    whole, alone = of("crystal", "Crystal"), of("crystal", "no alternation, as many PPO steps")
    turns = whole.algorithm.answering
    share = turns.policy_cycles / (turns.policy_cycles + turns.answer_cycles)
    assert alone.trainer["max_steps"] == share * whole.trainer["max_steps"] and alone.algorithm.answering is None


def test_lm_guided_cot_has_a_reader_that_no_stage_trains_and_that_every_stage_is_measured_by():
    for arm in arms(RECIPES["lm_guided_cot"]):
        stages = load_stages(RECIPES["lm_guided_cot"], arms(RECIPES["lm_guided_cot"])[arm])
        reader = str(stages["reader"].run_folder / "model")
        assert list(stages) == ["reader", "kd", "rl"] and stages["kd"].policy.model == "embedded"
        assert stages["rl"].rewards["reader"].model == reader
        assert {one.evaluation.statements.model for one in (stages["kd"], stages["rl"])} == {reader}
        assert {one.credit_on for one in stages["rl"].rewards.values()} == {"rationale"}


def stages_of(name):
    """Arm of a recipe → its stages."""
    return {arm: load_stages(RECIPES[name], overrides) for arm, overrides in arms(RECIPES[name]).items()}


def sampled(config):
    """How many completions a run samples for training: online, or in rounds."""
    if not config.algorithm.in_rounds:
        return config.trainer["max_steps"] * config.trainer["per_device_train_batch_size"]
    per_prompt = config.sampling.completions
    if getattr(config.algorithm, "strategies", None) is not None:
        per_prompt *= len(config.algorithm.strategies.templates)
    return config.algorithm.rounds * config.algorithm.prompts * per_prompt


def test_on_policy_distillation_has_one_teacher_and_as_many_completions_on_policy_as_in_sft():
    loaded = {
        arm: load_stages(RECIPES["on_policy_distillation"], overrides)
        for arm, overrides in arms(RECIPES["on_policy_distillation"]).items()
    }
    whole = loaded["on policy"]
    assert all(stages["teacher"] == whole["teacher"] for stages in loaded.values())
    assert all(stages["student"].policy == whole["student"].policy for stages in loaded.values())
    drawn = {arm: sampled(stages["student"]) for arm, stages in loaded.items()}
    assert drawn.pop("SFT, four times the tokens") == 4 * 3200 and set(drawn.values()) == {3200}
    teacher = str(whole["teacher"].run_folder / "model")
    assert whole["student"].rewards["teacher"].model == teacher
    assert loaded["SFT on the teacher's traces"]["student"].algorithm.first_sampler == teacher


def test_self_distillation_samples_as_many_completions_in_every_arm_and_shows_the_answer_to_the_teacher_alone():
    config = of("self_distillation", "on policy, shown the answer")
    task = tasks.load(config)
    assert {sampled(of("self_distillation", arm)) for arm in arms(RECIPES["self_distillation"])} == {3200}
    assert all(row["prompt"].count("?") == 1 for row in task.splits["train"])
    shown = {
        prompt for prompt, _ in (task.demonstrate(random.Random(seed)) for seed in range(50)) if prompt.count("?") == 2
    }
    template = config.rewards["teacher"].options["prompt"]
    assert shown and all(re.fullmatch(r"[-+*\d]+\?\d\?", prompt) for prompt in shown)
    assert re.fullmatch(r"[-+*\d]+\?\d\?", template.format(**task.splits["train"][0]))


def test_mentor_kd_takes_as_many_steps_on_the_same_questions_in_every_arm():
    loaded = {
        arm: load_stages(RECIPES["mentor_kd"], overrides) for arm, overrides in arms(RECIPES["mentor_kd"]).items()
    }
    assert len({stages["student"].trainer["max_steps"] for stages in loaded.values()}) == 1
    assert {stages["student"].task.sizes.train for stages in loaded.values()} == {200}
    sizes = {
        name: one.policy.warm_start.hidden for name, one in loaded["rationales and soft labels of the mentor"].items()
    }
    assert sizes == {"mentor": 64, "student": 32}


def test_orca2_has_a_policy_that_can_read_its_strategies_and_easy_problems_beside_hard_ones():
    config = of("orca2", "the best strategy of each problem")
    task = tasks.load(config)
    drawn = [task.demonstrate(random.Random(seed)) for seed in range(200)]
    for template in config.algorithm.strategies.templates.values():
        mark = template.removeprefix("{prompt}")
        assert 0.15 < sum(prompt.endswith(f"?{mark}") for prompt, _ in drawn) / len(drawn) < 0.35
    counts = [len(re.findall(r"[-+*]", row["prompt"])) for row in task.splits["test"]]
    assert min(counts.count(number) for number in (1, 2, 3)) > 20


def test_equation_only_has_the_same_problems_in_every_form_and_a_verifier_for_each():
    prompts, forms = set(), {}
    for arm in arms(RECIPES["equation_only"]):
        config = of("equation_only", arm)
        ((rows, _),) = examples(config).values()
        prompts.add(tuple(row.row["prompt"] for row in rows))
        forms[arm] = config.algorithm.examples.form, config.task.verifier
        if not arm.startswith("control: ") and config.task.verifier != "code":
            judged = tasks.load(config).verifier([{**row.row, "prediction": row.texts[0]} for row in rows[:50]])
            assert all(verdict.score == 1.0 for verdict in judged), arm
    assert len(prompts) == 1 and len(set(forms.values())) == len(forms) - 1  # the control's form is that of an arm


def test_teaching_arithmetic_writes_the_same_sums_and_rewards_the_answer_alone():
    sums = {}
    for arm, stages in stages_of("teaching_arithmetic").items():
        ((rows, _),) = examples(stages["sft"]).values()
        sums.setdefault(len(rows), set()).add(tuple(row.row["prompt"] for row in rows))
        assert list(stages["rl"].rewards) == ["correctness"] and stages["rl"].rewards["correctness"].credit is None
        assert stages["sft"].trainer["max_steps"] == 600 and stages["sft"].policy.warm_start.steps <= 2, arm
    assert {rows: len(some) for rows, some in sums.items()} == {400: 1, 800: 1, 1600: 1}


def test_sgft_gives_the_solver_guides_without_results_and_never_trains_it():
    for arm, stages in stages_of("sgft").items():
        assert list(stages) == ["solver", "guide", "rl"] and stages["solver"].trainer["learning_rate"] == 0, arm
        assert stages["guide"].rewards["solver"].model == str(stages["solver"].run_folder / "model")
        assert stages["guide"].rewards == stages["rl"].rewards
    stages = stages_of("sgft")["guide, then RL"]
    ((rows, _),) = examples(stages["guide"]).values()
    task = tasks.load(stages["guide"])
    shown = [prompt for prompt, _ in (task.demonstrate(random.Random(seed)) for seed in range(50)) if "\n" in prompt]
    template = stages["guide"].rewards["solver"].options["with_rationale"]
    laid_out = [template.format(prompt=row.row["prompt"], rationale=row.texts[0]) for row in rows]
    assert shown and all(len(re.findall(r"\n\d\. ", prompt)) >= 2 and prompt.endswith(".\n") for prompt in shown)
    assert all(re.fullmatch(r".*\?(\n\d\. .*\.)+\n", text) for text in laid_out)
    assert not any(re.search(r"=\d", text) for text in laid_out)


def test_sert_keeps_by_form_whatever_the_answer():
    for arm, stages in stages_of("sert").items():
        assert list(stages) == ["sert", "distil"] and list(stages["sert"].rewards) == ["format"], arm
        assert stages["sert"].algorithm.keep is None or stages["sert"].algorithm.keep.wrong
        assert stages["distil"] == load_stages(RECIPES["sert"])["distil"]
