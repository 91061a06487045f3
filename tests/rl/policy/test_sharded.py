"""What is refused before a run starts with FSDP or DeepSpeed; tests/rl/engines runs both."""

from types import SimpleNamespace

import pytest
from accelerate import DistributedType
from torch import nn

from rl import config
from rl.errors import UserError
from rl.policy.sharded import Shards, check_launch
from rl.terminal import Terminal

FSDP = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_CPU_RAM_EFFICIENT_LOADING": "false"}
DEEPSPEED = {"ACCELERATE_USE_DEEPSPEED": "true"}
ONE = ["name=x", "policy.model=embedded", "task=chain", "sampling.max_tokens=8", "rewards.correctness.weight=1"]


@pytest.fixture
def check(monkeypatch):
    """Checks the launch with some variables and overrides; the processes are on GPUs unless told otherwise."""

    def check(variables, *overrides, algorithm="grpo", kind=DistributedType.MULTI_GPU):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        checked = config.load(None, [*ONE, f"algorithm={algorithm}", *overrides])
        check_launch(SimpleNamespace(distributed_type=kind), checked)

    return check


@pytest.mark.parametrize(
    ("variables", "overrides", "wrong"),
    [
        (FSDP | {"FSDP_VERSION": "1"}, [], "fsdp_config.fsdp_version: needs to be 2"),
        (FSDP | {"FSDP_CPU_RAM_EFFICIENT_LOADING": "true"}, [], "fsdp_cpu_ram_efficient_loading: .*set it to false"),
        (FSDP, ["rewards.likelihood_gain.model=policy"], "rewards.likelihood_gain: runs the policy itself.*by DDP"),
        (DEEPSPEED, ["rewards.mine={kind: teacher, model: x}"], "rewards.mine: runs the policy itself"),
        (DEEPSPEED, ["trainer.ds3_gather_for_generation=false"], "trainer.ds3_gather_for_generation: "),
        (FSDP, ["trainer.beta=0.1", "trainer.sync_ref_model=true"], "trainer.sync_ref_model: changes the reference"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(check, variables, overrides, wrong):
    with pytest.raises(UserError, match=wrong) as refused:
        check(variables, *overrides)
    assert "\n" not in str(refused.value)


def test_deepspeed_cannot_leave_out_the_policys_steps(check):
    with pytest.raises(UserError, match=r"algorithm.critic.warm_up_cycles: DeepSpeed .* set it to 0"):
        check(DEEPSPEED, "algorithm.critic.warm_up_cycles=1", algorithm="ppo")


def test_fsdp_without_a_gpu_is_refused_because_accelerate_makes_ddp_of_it(check):
    with pytest.raises(UserError, match=r"no FSDP without a GPU.*cpu_2\.yaml"):
        check(FSDP, kind=DistributedType.MULTI_CPU)


def test_other_engines_and_runs_in_rounds_may_run_the_policy_as_they_like(check):
    check({}, "rewards.likelihood_gain.model=policy")
    check(FSDP, "algorithm.critic.warm_up_cycles=1", algorithm="ppo")
    check(FSDP | DEEPSPEED, "rewards.likelihood_gain.model=policy", "algorithm.rounds=1", algorithm="dpo")


def test_a_run_that_shards_nothing_stops():
    shards = Shards(Terminal())
    accelerator = SimpleNamespace(distributed_type=DistributedType.FSDP, num_processes=2)
    shards.watch(SimpleNamespace(accelerator=accelerator))
    with pytest.raises(RuntimeError, match="sharded none"):
        shards.on_train_begin(None, None, None, model=nn.Linear(2, 2))
