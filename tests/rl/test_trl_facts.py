"""Whetstone's assumptions about TRL, each tested by running TRL. A failure after an upgrade shows which one changed."""

import importlib.util
import inspect
import subprocess
import sys

import pandas as pd
import pytest
import torch
import trl
from datasets import Dataset
from trl.scripts.utils import TrlParser
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer


@pytest.fixture
def trainer(warm, tmp_path):
    """Builds a plain GRPO trainer on the barely warmed-up policy."""

    def build(reward_funcs, **arguments):
        from transformers import LlamaForCausalLM

        model = LlamaForCausalLM(warm[0].config)
        model.load_state_dict(warm[0].state_dict())
        defaults = {
            "output_dir": str(tmp_path), "per_device_train_batch_size": 8, "num_generations": 4, "max_steps": 1,
            "max_completion_length": 8, "report_to": [], "bf16": False, "use_cpu": True, "logging_steps": 1,
            "save_strategy": "no", "learning_rate": 1e-3, "disable_tqdm": True,
        }  # fmt: skip
        return GRPOTrainer(
            model=model,
            reward_funcs=reward_funcs,
            args=GRPOConfig(**{**defaults, **arguments}),
            train_dataset=Dataset.from_list([{"prompt": "1+1?", "gold": "2"}, {"prompt": "3*3?", "gold": "9"}] * 8),
            processing_class=warm[1],
        )

    return build


def half(completions, **kwargs):
    return [float(i % 2) for i in range(len(completions))]


def nothing(completions, **kwargs):
    return [None] * len(completions)


def test_one_reward_that_abstains_among_two_counts_as_zero(trainer):
    def sometimes(completions, **kwargs):
        return [1.0 if i % 2 else None for i in range(len(completions))]

    def always(completions, **kwargs):
        return [1.0] * len(completions)

    built = trainer([sometimes, always])
    built.train()
    assert built.state.log_history[0]["reward"] == pytest.approx(1.5)  # and not 1: so our mix comes as one function


def test_a_completion_that_the_only_reward_abstains_on_is_left_out(trainer):
    def sometimes(completions, **kwargs):
        return [1.0 if i % 4 == 0 else None if i % 4 == 1 else 0.0 for i in range(len(completions))]

    built = trainer([sometimes])
    built.train()
    assert built.state.log_history[0]["reward"] == pytest.approx(1 / 3)


def test_a_reward_function_that_raises_kills_the_run(trainer):
    def broken(completions, **kwargs):
        raise OSError("judge is away")

    with pytest.raises(OSError, match="judge is away"):
        trainer([broken]).train()


def test_advantages_may_have_a_column_for_each_token(trainer):
    class PerToken(GRPOTrainer):
        def _generate_and_score_completions(self, inputs):
            output = super()._generate_and_score_completions(inputs)
            output["advantages"] = output["advantages"].unsqueeze(1).expand_as(output["completion_mask"]).clone()
            return output

    plain, per_token = trainer([half]), trainer([half])
    per_token.__class__ = PerToken
    torch.manual_seed(0)
    plain.train()
    torch.manual_seed(0)
    per_token.train()
    assert per_token.state.log_history[0]["grad_norm"] == pytest.approx(
        plain.state.log_history[0]["grad_norm"], rel=1e-5
    )


def test_cispo_clamps_at_epsilon_high_itself(trainer):
    # with the default 0.2 every ratio of 1 is clamped to 0.2: the gradient is a fifth of what it should be
    norms = {}
    for high in (None, 5.0):
        built = trainer(
            [half], loss_type="cispo", **({} if high is None else {"epsilon_high": high}), max_grad_norm=1e9
        )
        torch.manual_seed(0)
        built.train()
        norms[high] = built.state.log_history[0]["grad_norm"]
    assert norms[None] == pytest.approx(0.2 * norms[5.0], rel=1e-3)


def test_groups_without_signal_have_no_gradient_yet_are_run(trainer):
    built = trainer([lambda completions, **kwargs: [1.0] * len(completions)])
    forwards = []
    built.model.register_forward_hook(lambda *_: forwards.append(1), always_call=True)
    built.train()
    assert built.state.log_history[0]["grad_norm"] == 0.0 and forwards


def test_the_table_of_completions_is_where_the_records_read_it(trainer):
    built = trainer([half])
    seen = {}

    from transformers import TrainerCallback

    class Look(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **kwargs):
            if "reward" in logs:
                seen.update({name: list(built._logs[name]) for name in ("prompt", "completion", "advantages")})
                seen["rewards"] = {name: list(values) for name, values in built._logs["rewards"].items()}

    built.add_callback(Look())
    built.train()
    assert len(seen["prompt"]) == len(seen["completion"]) == len(seen["advantages"]) == 8
    assert pd.Series(seen["rewards"]["half"]).mean() == 0.5


def test_a_generation_cycle_is_as_long_as_the_config_check_says(trainer):
    drawn = []

    def count(completions, **kwargs):
        drawn.append(len(completions))
        return [float(i % 2) for i in range(len(completions))]

    trainer([count], max_steps=4, steps_per_generation=2, num_iterations=2, per_device_train_batch_size=4).train()
    assert drawn == [8]  # 4 optimizer steps on one draw of 4 x 2 completions


def test_unknown_arguments_are_refused_by_the_class_itself():
    with pytest.raises(TypeError):
        GRPOConfig(output_dir="x", lerning_rate=1.0)


def test_ppo_and_process_reward_models_are_gone_and_orpo_is_experimental():
    names = dir(trl)
    assert not [name for name in names if name.startswith(("PPO", "PRM"))]
    assert "ORPOTrainer" not in names and importlib.util.find_spec("trl.experimental.orpo") is not None


def test_the_share_of_groups_without_signal_is_not_counted_where_rewards_are_normalised_first(trainer):
    def first_group_alone(completions, **kwargs):
        return [float(i) if i < 4 else 0.0 for i in range(len(completions))]

    shares = {}
    for aggregation in ("sum_then_normalize", "normalize_then_sum"):
        built = trainer([first_group_alone], multi_objective_aggregation=aggregation)
        built.train()
        shares[aggregation] = built.state.log_history[0]["frac_reward_zero_std"]
    assert shares == {"sum_then_normalize": 0.5, "normalize_then_sum": 0.0}  # so our mix counts it itself


def test_its_scripts_drop_a_misspelt_key_of_a_config_file(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("lerning_rate: 0.5\nmax_steps: 3\n")
    script = importlib.util.find_spec("trl.scripts.grpo").origin
    with open(script) as source:
        assert "parse_args_and_config(fail_with_unknown_args=False)" in source.read()
    parsed = TrlParser((GRPOConfig,)).parse_args_and_config(
        ["--config", str(file), "--output_dir", str(tmp_path), "--use_cpu", "true", "--bf16", "false"],
        fail_with_unknown_args=False,
    )
    assert parsed[0].max_steps == 3


@pytest.mark.slow
def test_its_accuracy_reward_hangs_on_a_tower_of_powers():
    text = r"\boxed{\dfrac{5^{(5^{(5^{(5^5)})}-4)}-5}{16}}"
    begin = "from trl.rewards import accuracy_reward; print('imported', flush=True); "
    code = begin + f"accuracy_reward([[{{'content': {text!r}}}]], [{text!r}])"
    with pytest.raises(subprocess.TimeoutExpired) as stopped:
        subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True, check=False)
    assert stopped.value.stdout == b"imported\n"


def test_what_was_drawn_is_not_in_a_checkpoint(trainer, tmp_path):
    built = trainer([half], max_steps=1, steps_per_generation=4, save_strategy="steps", save_steps=1)
    built.train()
    assert built._buffered_inputs is not None  # three of the four batches of the draw are still to be trained on
    saved = "".join(file.name for file in (tmp_path / "checkpoint-1").iterdir())
    assert "buffer" not in saved
    assert trainer([half])._buffered_inputs is None


def test_a_batch_holds_what_credit_reads(trainer):
    built, seen = trainer([half]), []
    score = built._generate_and_score_completions
    built._generate_and_score_completions = lambda inputs: seen.append((inputs, score(inputs))) or seen[-1][1]
    built.train()
    inputs, output = seen[0]
    assert [row["prompt"] for row in inputs[:4]] == [inputs[0]["prompt"]] * 4  # a prompt's completions are neighbours
    assert output["advantages"].shape == (8,)
    assert output["completion_ids"].shape == output["completion_mask"].shape
    assert output["prompt_ids"].shape == output["prompt_mask"].shape
    assert output["num_items_in_batch"] == output["completion_mask"].sum()


def test_the_loss_asks_one_method_for_log_probabilities_with_everything_else_by_name(trainer):
    built, asked = trainer([half]), []
    run = built._get_per_token_logps_and_entropies

    def watched(*args, **named):
        asked.append((len(args), set(named)))
        return run(*args, **named)

    built._get_per_token_logps_and_entropies = watched
    built.train()
    (positional, named) = asked[-1]
    assert positional == 4  # model, input_ids, attention_mask, logits_to_keep
    assert {"compute_entropy", "pixel_values"} <= named <= set(inspect.signature(run).parameters)
