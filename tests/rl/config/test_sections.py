import subprocess
import sys
from pathlib import Path

import pytest

from rl.config import dump, load
from rl.errors import UserError

HEAVY = {
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "pandas",
    "numpy",
    "sympy",
    "matplotlib",
    "wandb",
}
"""Packages whose import takes a good part of a second."""
QUICKSTART = str(Path(__file__).parents[3] / "configs" / "quickstart.yaml")
GRPO = QUICKSTART.replace("quickstart", "grpo")
"""With correctness as its one reward."""


def refusal(*overrides, path=QUICKSTART):
    with pytest.raises(UserError) as caught:
        load(path, overrides)
    return str(caught.value)


WRONG = [
    ("task.operatons=[2,4]", "command line: task.operatons: unknown key; did you mean 'operations'?"),
    ("trainr.max_steps=3", "command line: trainr: unknown key; did you mean 'trainer'?"),
    ("policy.warm_start.stepz=1", "command line: policy.warm_start.stepz: unknown key; did you mean 'steps'?"),
    ("rewards.correctness.wieght=2", "command line: rewards.correctness.wieght: unknown key; did you mean 'weight'?"),
    ("task=chian", "command line: task.name: 'chian' is not one; did you mean 'chain'?"),
    ("algorithm=gpro", "command line: algorithm.name: 'gpro' is not one; did you mean 'grpo'?"),
    ("mix.aggregation=summ", "command line: mix.aggregation: 'summ' is not one; did you mean 'sum'?"),
    (
        "rewards.corectness.weight=1",
        "command line: rewards.corectness: no reward has this name; did you mean 'correctness'? "
        "For your own, give it a function:",
    ),
    ("rewards.correctness.verifier=chian", "command line: rewards.correctness.verifier: 'chian' is not one; "
     "did you mean 'chain'?"),
    ("rewards.mine.function=my_rewards", "command line: rewards.mine.function: expected module:function, "
     "got 'my_rewards'"),
    ("trainer.learning_rat=1", "command line: trainer.learning_rat: GRPOConfig has no such argument; "
     "did you mean 'learning_rate'?"),
    ("trainer.use_vllm=true", "command line: trainer.use_vllm: is set by sampling.engine"),
    ("sampling.engine=vllm_server", "command line: sampling.server: is needed with sampling.engine=vllm_server, such "
     "as http://localhost:8000"),
    ("sampling.server=http://x", "command line: sampling.server: is for sampling.engine=vllm_server, but the engine is "
     "transformers"),
    ("trainer.learning_rate=fast", "command line: trainer.learning_rate: expected float, got 'fast'"),
    ("trainer.num_generations=4", "command line: trainer.num_generations: is set by sampling.completions"),
    ("evaluation.n=many", "command line: evaluation.n: expected a whole number, got 'many'"),
    ("seed=-1", "command line: seed: input should be greater than or equal to 0, got -1"),
    ("name=a/b", "command line: name: string should match pattern '^[A-Za-z0-9][A-Za-z0-9._-]*$', got 'a/b'"),
    ("sampling.completions=7", "command line: sampling.completions: a batch of 128 completions (16 a device x 1 x 8) "
     "does not divide into groups of 7"),
    ("trainer.loss_type=cispo", "command line: trainer.loss_type: cispo clamps ratios at epsilon_high itself, and "
     "TRL's default of 0.2 clamps every one; set trainer.epsilon_high, such as 5.0"),
    ("policy.quantize=4bit", "command line: policy.quantize: a quantised model cannot be trained itself; add "
     "policy.lora"),
    ("task.operations=[4,2]", "command line: task.operations: the smallest number comes first: [4, 2], got "
     "[4, 2]"),
    ("rewards.correctness.weight=[[10,1],[5,0]]", "command line: rewards.correctness.weight: the steps must rise, got "
     "[10, 5]"),
    ("mix.aggregation=gated", "command line: mix.gate: is needed with aggregation: gated; the rewards are correctness, "
     "steps"),
    ("mix.gate=correctness", "command line: mix.gate: is used only with aggregation: gated, but that is sum"),
    ("mix.gate_at=0.9", "command line: mix.gate_at: is used only with aggregation: gated, but that is sum"),
    ("policy.dtype=${nope}", "command line: policy.dtype: Interpolation key 'nope' not found; to have ${ in "
     "a text, write \\${"),
    ("name=2024", "command line: name: YAML reads 2024 as a number; put quotes around it, inside those "
     "of the shell: 'name=\"…\"'"),
    ("name=1e3", "command line: name: YAML reads 1000.0 as a number; put quotes around it, inside those "
     "of the shell: 'name=\"…\"'"),
    ("name=yes", "command line: name: YAML reads True as true or false; put quotes around it, inside those "
     "of the shell: 'name=\"…\"'"),
    ("task={name: dataset, data: [a.jsonl, b.jsonl]}", "command line: task.data: expected a text, or keys with values, "
     "got ['a.jsonl', 'b.jsonl']"),
    ("task={name: dataset, data: a.jsonl, template: {question}}", "command line: task.template: YAML reads "
     "{'question': None} as keys with values; put quotes around it, inside those of the shell: "
     "'task.template=\"…\"'"),
    ("rewards.correctness.weight=null", "command line: rewards.correctness.weight: expected a number, or a "
     "list, got None"),
    ("task.data=*.jsonl", "command line: 'task.data=*.jsonl': while scanning an alias; a value that YAML cannot read "
     "needs quotes inside those of the shell, as in 'task.data=\"…\"'"),
    ("sampling.temperature=1e-42", "command line: sampling.temperature: too small to divide by; for the most likely "
     "tokens alone set top_k to 1, got 1e-42"),
    ("trainer.max_prompt_length=64", "command line: trainer.max_prompt_length: TRL has it no more, and prompts "
     "are never cut here; leave long rows out of the data"),
    ("trainer.max_steps=0", "command line: trainer.max_steps: expected 1 or more optimizer steps, got 0; for passes "
     "over the train split leave it out and set trainer.num_train_epochs"),
    ("trainer.max_steps=-5", "command line: trainer.max_steps: expected 1 or more optimizer steps, got -5; for passes "
     "over the train split leave it out and set trainer.num_train_epochs"),
    ("task=[chain, facts]", "command line: task: expected one name, or a section with keys, got ['chain', 'facts']"),
    ("task={name: dataset, data: {train: a.jsonl, val: b.jsonl}}", "command line: task.data.val: 'val' is not one; "
     "there are: test, train, validation"),
    ("rewards.correctness.weight=high", "command line: rewards.correctness.weight: expected a number, or a list, "
     "got 'high'"),
    ("max_steps", "command line: 'max_steps' is not key=value, such as trainer.max_steps=20"),
]  # fmt: skip


def test_rewards_are_not_measured_where_there_are_none():
    said = refusal("evaluation.rewards=true", path=QUICKSTART.replace("quickstart", "svamp_smollm2"))
    assert said == (
        "command line: evaluation.rewards: has nothing to measure without rewards; name some, or leave it out"
    )


@pytest.mark.parametrize(("override", "line"), WRONG, ids=[override for override, _ in WRONG])
def test_a_wrong_override_is_named_with_the_nearest_valid_one(override, line):
    assert refusal(override) == line


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["mix.aggregation=gated", "mix.gate=corectness"], "mix.gate: 'corectness' is not one of the rewards; did"),
        (["mix.aggregation=product", "rewards.length.weight=-1"], "rewards.length.weight: a product has"),
        (["mix.aggregation=product", "rewards.length.weight=[[0,1],[9,-1]]"], "rewards.length.weight: a product"),
        (["mix.aggregation=product", "rewards.steps.credit=min"], "rewards.steps.credit: a factor of a product cannot"),
        (["rewards.length.credit=min"], "rewards.length.credit: it gives no step scores to credit; these do: correct"),
        (["rewards.mine.function=a:b", "rewards.mine.credit=sum"], "rewards.mine.credit: it gives no step scores"),
        (["rewards.steps.verifier=math", "rewards.steps.credit=min"], "rewards.steps.credit: verifier 'math' does not"),
        (["algorithm=dpo", "rewards.steps.credit=min"], "rewards.steps.credit: is for grpo and ppo; dpo weighs whole"),
        (["algorithm.answering.qka_weight=0"], "algorithm.answering: qka_weight and qa_weight are both 0"),
        (["algorithm.answering.layout.mark=x"], "algorithm.answering.layout.mark: is not one; there are: marker"),
        (["algorithm.answering.layout.answer=x"], "algorithm.answering.layout.answer: 'x' has the placeholders"),
        (["evaluation.statements.k=3"], "evaluation.statements: chooses among a row's choices, but chain has none"),
        (["algorithm=dpo", "rewards.length.credit_on=rationale"], "rewards.length.credit_on: is for grpo and ppo; dpo"),
        (["mix.aggregation=product", "rewards.length.credit_on=rationale"], "rewards.length.credit_on: a factor of a"),
        (["rewards.steps.credit=min", "rewards.steps.credit_on=rationale"], "rewards.steps.credit_on: rewards.steps"),
        (["algorithm.overlap=true", "algorithm.dynamic_sampling.draws=2"], "algorithm.overlap: dynamic_sampling draws"),
        (["algorithm.overlap=true", "algorithm.answering.qa_weight=1"], "algorithm.overlap: answering learns from"),
        (["algorithm.overlap=true", "rewards.teacher.model=x"], "algorithm.overlap: rewards.teacher asks the policy,"),
        (
            ["algorithm.overlap=true", "rewards.mine.kind=likelihood_gain", "rewards.mine.model=policy"],
            "algorithm.overlap: rewards.mine asks the policy (model: policy), which learns while a batch is judged;",
        ),
    ],
)  # fmt: skip
def test_rewards_that_do_not_go_together_are_named_before_anything_is_loaded(overrides, line):
    assert refusal(*overrides, path=GRPO).startswith(f"command line: {line}")


def test_what_goes_together_is_taken():
    load(GRPO, ["mix.aggregation=gated", "mix.gate=correctness", "mix.gate_at=0.9", "rewards.steps.credit=min"])
    load(GRPO, ["mix.aggregation=product", "rewards.steps.weight=[[0,0],[9,1]]"])


def test_normalising_in_the_group_needs_whole_groups_on_each_process(monkeypatch):
    overrides = ["trainer.per_device_train_batch_size=4", "mix.aggregation=normalise_then_sum"]
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert refusal(*overrides, path=GRPO).startswith(
        "command line: mix.aggregation: normalise_then_sum needs whole groups on each process, and 4 completions"
    )
    load(GRPO, [*overrides, "trainer.gradient_accumulation_steps=2"])


def test_saving_within_a_generation_cycle_is_refused():
    line = refusal("trainer.num_iterations=2", "trainer.save_steps=3")
    assert line.startswith("command line: trainer.save_steps: 3 does not fall on the end of a generation cycle")


def test_the_wrong_key_is_traced_to_its_file(tmp_path):
    base, config = tmp_path / "base.yaml", tmp_path / "config.yaml"
    base.write_text("sampling: {compltions: 8}\n")
    config.write_text(f"include: [base.yaml, {QUICKSTART}]\nname: mine\n")
    assert refusal(path=config) == f"{base}: sampling.compltions: unknown key; did you mean 'completions'?"


def test_a_key_that_is_missing_is_laid_at_the_config(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("name: mine\n")
    assert refusal(path=config).startswith(f"{config}: task: is needed and not there")


def test_broken_yaml_is_named_with_its_line(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("name: mine\ntask: {name: chain\npolicy: x\n")
    assert refusal(path=config).startswith(f"{config}:3: not valid YAML")


@pytest.mark.parametrize(
    ("text", "line", "fix"),
    [
        ("sampling:\n\tcompletions: 8\n", 2, "a line begins with a tab, and YAML is indented with spaces"),
        ("name:mine\nseed: 1\n", 2, "'name:mine' lacks a space after its colon"),
        ("sampling:\n  completions:8\n  max_tokens: 4\n", 3, "'completions:8' lacks a space after its colon"),
        ("task: {name: dataset}\nname: a: b\n", 2, "a text with ': ' in it needs quotes around it"),
        ("name: caf\xe9\n", None, "it has bytes that are not UTF-8; save the file as UTF-8"),
        ("name: mine\ntask: chain\nsampling: {completions:8}\n", None, "a space is missing after its colon"),
    ],
)
def test_usual_slips_in_yaml_are_told_with_the_remedy(tmp_path, text, line, fix):
    config = tmp_path / "config.yaml"
    config.write_text(text, encoding="latin-1")
    said = refusal(path=config)
    assert said.startswith(f"{config}:{line}: not valid YAML" if line else f"{config}: ") and fix in said


def test_a_missing_file_names_its_neighbour():
    assert refusal(path=QUICKSTART.replace("quickstart", "quikstart")).endswith(f"did you mean {QUICKSTART!r}?")


def test_a_circle_of_includes_is_refused(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("include: config.yaml\n")
    assert "includes itself" in refusal(path=config)


def test_a_file_wins_over_what_it_includes_and_the_command_line_over_both(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(f"include: {QUICKSTART}\nname: mine\nsampling: {{max_tokens: 20, temperature: 0.9}}\n")
    loaded = load(config, ["sampling.temperature=0.5"])
    assert (loaded.name, loaded.sampling.max_tokens, loaded.sampling.temperature) == ("mine", 20, 0.5)
    assert loaded.sampling.completions == 2


def test_naming_another_task_leaves_the_first_ones_keys_behind():
    loaded = load(QUICKSTART, ["task=facts", "task.sizes.train=5"])
    assert (loaded.task.name, loaded.task.sizes.train) == ("facts", 5)


def test_trainer_arguments_are_converted_to_trls_types():
    loaded = load(QUICKSTART, ["trainer.learning_rate=1", "trainer.beta=1e-3"])
    assert isinstance(loaded.trainer["learning_rate"], float)
    assert loaded.trainer["beta"] == 0.001


def test_the_resolved_config_loads_as_itself(tmp_path):
    loaded = load(QUICKSTART, ["policy.lora.r=4"])
    (tmp_path / "again.yaml").write_text(dump(loaded))
    assert load(tmp_path / "again.yaml") == loaded


def test_the_group_is_checked_against_all_processes(monkeypatch):
    overrides = ["trainer.per_device_train_batch_size=4"]
    assert "does not divide into groups" in refusal(*overrides, path=GRPO)
    monkeypatch.setenv("WORLD_SIZE", "2")
    load(GRPO, overrides)


def test_a_config_is_checked_without_torch():
    code = "import sys, rl.config as c; c.load(sys.argv[1]); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, QUICKSTART], check=False).returncode == 0


@pytest.mark.parametrize(("arguments", "begins"), [(["--help"], "Usage:"), (["check", QUICKSTART], "name: quickstart")])
def test_help_and_check_answer_at_once_since_they_import_nothing_heavy(arguments, begins):
    code = "import sys; from rl.cli import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True)
    assert done.stdout.startswith(begins)
    assert not HEAVY & set(done.stderr.split())


@pytest.mark.parametrize(
    ("key", "override"),
    [
        ("rewards.correctness.credit", "rewards.correctness.credit=min"),
        ("rewards.correctness.credit_on", "rewards.correctness.credit_on=rationale"),
        ("algorithm.dynamic_sampling", "algorithm.dynamic_sampling.draws=2"),
        ("algorithm.curriculum", "algorithm.curriculum.memory=0.5"),
    ],
)
def test_what_looks_at_groups_on_a_process_is_refused_where_a_group_is_on_two(key, override, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    halves = ["trainer.per_device_train_batch_size=4", override]
    assert refusal(*halves, path=GRPO) == (
        f"command line: {key}: needs whole groups on each process, and 4 completions on each are not a multiple of 8; "
        f"change trainer.per_device_train_batch_size"
    )
    load(GRPO, [*halves, "trainer.gradient_accumulation_steps=2"])


def test_step_credit_with_a_critic_needs_no_whole_groups(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    load(QUICKSTART, ["trainer.per_device_train_batch_size=4", "rewards.correctness.credit=min", "algorithm=ppo"])


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("trainer.repetition_penalty=1.2", "sampling.repetition_penalty"),
        ("trainer.chat_template_kwargs={enable_thinking: false}", "sampling.chat_template_kwargs"),
        (
            "trainer.generation_kwargs={stop: ['#']}",
            "sampling: temperature, top_p, top_k, min_p, repetition_penalty, stop",
        ),
        ("trainer.top_k=5", "sampling.top_k"),
    ],
)
def test_what_decides_how_completions_are_drawn_is_said_in_sampling_alone(override, key):
    assert refusal(override) == f"command line: {override.partition('=')[0]}: is set by {key}"


def test_evaluation_draws_as_sampling_says_but_for_what_it_says_itself():
    drawn = ["sampling.temperature=0.7", "sampling.top_k=5", "sampling.stop=;", "sampling.repetition_penalty=1.1"]
    thinks = ["sampling.chat_template_kwargs={enable_thinking: false}"]
    config = load(QUICKSTART, [*drawn, *thinks])
    assert config.evaluation_parameters == config.sampling.parameters
    assert config.sampling.parameters["stop"] == [";"]
    own = ["evaluation.temperature=1.0", "evaluation.max_tokens=99", "evaluation.stop=['#', x]", "evaluation.top_k=0"]
    changed = load(QUICKSTART, [*drawn, *thinks, *own]).evaluation_parameters
    assert changed == {
        **config.sampling.parameters, "temperature": 1.0, "max_tokens": 99, "stop": ["#", "x"], "top_k": 0
    }  # fmt: skip


def test_an_empty_stop_string_is_refused():
    assert refusal("sampling.stop=['']").startswith("command line: sampling.stop.0:")


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{prompt}{gold}", "the policy would read an answer at the very end as the beginning of its own"),
        ("{prompt} ({gold} ", "the policy would read an answer at the very end"),
        ("{prompt}\n{gold}\n", "the policy would read an answer at the very end"),
        ("{prompt}", "{gold} must be in it"),
        ("{gold}", "{prompt} must be in it"),
        ("the answer", "{prompt} and {gold} must be in it"),
    ],
)
def test_a_hint_whose_answer_would_be_read_as_the_start_of_the_completion_is_refused(template, why):
    line = refusal(f"algorithm.hints.template='{template}'", path=QUICKSTART.replace("quickstart", "star"))
    assert line.startswith("command line: algorithm.hints.template: ") and why in line


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        (["algorithm.hints.completions=2"], "algorithm.hints: cannot be combined with algorithm.strategies"),
        (["algorithm.quota.right=2"], "algorithm.quota: cannot be combined with algorithm.strategies"),
        (["algorithm.examples=task"], "algorithm.strategies: applies to samples, but algorithm.prompts is 0"),
        (["algorithm.strategies.templates.steps=null"], "algorithm.strategies.templates: "),
    ],
)
def test_strategies_need_samples_and_go_with_no_other_prompts(overrides, why):
    if overrides == ["algorithm.examples=task"]:
        overrides = [*overrides, "algorithm.prompts=0"]
    given = ["algorithm.strategies.templates.steps='{prompt};'", *overrides]
    assert why in refusal(*given, path=QUICKSTART.replace("quickstart", "star"))


def test_scores_relative_to_a_problems_other_completions_are_no_threshold():
    star, relative = QUICKSTART.replace("quickstart", "star"), "mix.aggregation=normalise_then_sum"
    assert "algorithm.keep needs the score itself" in refusal(relative, path=star)
    own = ["algorithm.strategies.templates={steps: '{prompt};', at_once: '{prompt}#'}", "algorithm.keep=all"]
    assert "algorithm.strategies needs the score itself" in refusal(relative, *own, path=star)
    assert load(star, [relative, *own, "algorithm.strategies.keep=all"]).mix.aggregation == "normalise_then_sum"
    assert load(star, [relative, "algorithm.examples=task", "algorithm.prompts=0"]).algorithm.keep is not None


def test_a_reward_that_is_null_is_left_out():
    assert list(load(QUICKSTART).rewards) == ["correctness", "steps"]
    assert list(load(QUICKSTART, ["rewards.steps=null"]).rewards) == ["correctness"]
    assert "rewards: is needed" in refusal("rewards.steps=null", "rewards.correctness=null")


def test_branched_sampling_is_refused_with_another_engine():
    line = refusal("algorithm.branched=true", "sampling.engine=vllm", path=QUICKSTART.replace("quickstart", "star"))
    assert "algorithm.branched: is for sampling.engine: transformers, not vllm" in line


@pytest.mark.parametrize("value", ["no", "off", "'no'", "false"])
def test_a_strategy_of_no_is_read_as_meant(value):
    assert load(QUICKSTART, [f"trainer.save_strategy={value}"]).trainer["save_strategy"] == "no"
    assert "expected" in refusal("trainer.save_strategy=yes")


def test_a_name_in_quotes_may_be_a_number(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(f"include: {QUICKSTART}\nname: '2024'\n")
    assert load(config).name == "2024"


NUMBERS = [
    "evaluation.n", "evaluation.k", "evaluation.every", "seed", "sampling.max_tokens", "sampling.temperature",
    "sampling.completions", "logging.completions_every", "mix.timeout", "policy.warm_start.steps", "task.sizes.test",
    "rewards.correctness.weight", "algorithm.gamma", "trainer.max_steps", "trainer.learning_rate",
    "trainer.logging_steps", "trainer.beta", "trainer.num_train_epochs", "trainer.save_total_limit",
    "trainer.per_device_train_batch_size", "trainer.max_grad_norm",
]  # fmt: skip


@pytest.mark.parametrize("value", ["yes", "on", "true", ".nan", "-.inf", "[1, 2]", "{a: 1}", "many", "''", "-1"])
@pytest.mark.parametrize("key", NUMBERS)
def test_what_is_no_fitting_number_is_refused_with_its_key(key, value):
    if (key, value) in (("rewards.correctness.weight", "-1"), ("trainer.max_steps", "-1")):
        load(QUICKSTART, [f"{key}={value}"])  # a penalty, and passes over the train split
    else:
        assert refusal(f"{key}={value}").startswith(f"command line: {key}")


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("trainer.gradient_accumulation_steps=0", "expected 1 or more, got 0"),
        ("trainer.steps_per_generation=0", "expected 1 or more, got 0"),
        ("trainer.num_iterations=0", "expected 1 or more, got 0"),
        ("trainer.save_total_limit=0", "expected 1 or more, got 0"),
        ("trainer.logging_steps=0", "expected a number above 0, got 0"),
        ("trainer.num_train_epochs=0", "expected a number above 0, got 0"),
        ("trainer.lr_scheduler_type=cosin", "'cosin' is not one; did you mean 'cosine'?"),
        ("trainer.optim=adamw_toch", "'adamw_toch' is not one; did you mean 'adamw_torch'?"),
        ("trainer.save_strategy=never", "'never' is not one; there are: best, epoch, no, steps"),
        ("trainer.eval_strategy=steps", "evaluation is set by evaluation.every"),
        ("trainer.load_best_model_at_end=true", "checkpoints are not compared"),
        ("rewards=[correctness]", "expected a section with keys, got ['correctness']"),
        ("policy=embedded", "expected a section with keys, got 'embedded'"),
        ("task=null", "expected a section with keys, got None"),
        ("policy.model=''", "string should have at least 1 character, got ''"),
        ("logging.folder=''", "string should have at least 1 character, got ''"),
        ("seed=99999999999999999999", "input should be less than 2147483648"),
    ],
)
def test_settings_that_would_fail_late_are_refused_at_once(override, line):
    assert refusal(override).startswith(f"command line: {override.partition('=')[0]}: {line}")


def test_a_home_folder_is_meant_by_its_tilde(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    config = load(QUICKSTART, ["logging.folder=~/my runs", "policy.model=~/models/small", "name=a"])
    assert (str(config.run_folder), config.policy.model) == ("/home/ann/my runs/a", "/home/ann/models/small")


@pytest.mark.parametrize("include", ["5", "null", "{a: b}", "[1]", "true"])
def test_an_include_that_is_no_file_name_is_refused(tmp_path, include):
    (tmp_path / "config.yaml").write_text(f"include: {include}\nname: mine\n")
    assert ": include: expected a file or a list of files, got " in refusal(path=tmp_path / "config.yaml")


def test_a_folder_and_a_name_that_is_too_long_are_no_config(tmp_path):
    for path in (tmp_path, "a" * 5000):
        assert refusal(path=path).endswith("is not a file that can be read as a config")
