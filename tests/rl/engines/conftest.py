"""Real engines: each test runs the product on one, at the smallest size that it takes."""

import copy
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from rewards.models.logprobs import token_logprobs
from rl import config as configuration
from rl.config import WarmStart
from rl.policy.warm_start import warm_started
from rl.storage.run_folder import read_jsonl
from rl.training import train
from tests.rl.conftest import SMALL, SMALL_ONLINE

CONFIGS = {"grpo": "grpo_steps", "ppo": "quickstart", "dpo": "dpo"}
HIDDEN = 64  # vLLM's CPU attention takes heads of 32 numbers and more, and the policy has two
LIGHT = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
STARTS_IN = 600
"""Seconds within which a server answers; a bound, not what it takes."""


@pytest.fixture(scope="session", autouse=True)
def light():
    os.environ.update(LIGHT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a test that is stopped stops its server


@pytest.fixture(scope="session")
def folder(task, cache):
    """The folder of the policy that the runs below start from."""
    return warm_started(task, WarmStart(steps=100, batch=32, hidden=HIDDEN, layers=1, heads=2, seed=0))


@pytest.fixture
def policy(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


@pytest.fixture(scope="session")
def tokenizer(folder):
    return AutoTokenizer.from_pretrained(folder)


def moved(policy, amount=0.05):
    """A copy of the policy with other weights in every matrix, the shared embeddings among them."""
    other = copy.deepcopy(policy)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(amount * torch.randn(parameter.shape, generator=generator))
    return other


def adapted(policy, seed):
    """The policy with an adapter that does something."""
    wrapped = get_peft_model(copy.deepcopy(policy), LoraConfig(r=4, lora_alpha=8, target_modules="all-linear"))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_" in name:
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return wrapped


def apart(engine, policy, tokenizer, draw):
    """The largest difference, in nats, between an engine's log-probabilities of what it draws and the policy's."""
    prompts = ["7*3-4?", "1+1-2?"]
    drawn = draw(engine, tokenizer, prompts, count=4, max_tokens=12, logprobs=True)
    ids = [tokenizer.encode(prompt, add_special_tokens=False) for prompt in prompts for _ in range(4)]
    ours = token_logprobs(policy, ids, [one.ids for group in drawn for one in group])
    theirs = [one.logprobs for group in drawn for one in group]
    return max(abs(a - b) for x, y in zip(ours, theirs, strict=True) for a, b in zip(x, y, strict=True))


@pytest.fixture
def run(tmp_path):
    """Run a config at its smallest; gives the lines of its metrics and of its evaluations."""

    def started(kind, *overrides):
        small = {**(SMALL if kind == "dpo" else SMALL_ONLINE), "policy.warm_start.hidden": HIDDEN}
        small |= {"logging.folder": tmp_path, "algorithm.prompts": 16, "algorithm.rounds": 2}
        if kind != "dpo":
            del small["algorithm.prompts"], small["algorithm.rounds"]
        given = [f"{key}={value}" for key, value in small.items()]
        config = configuration.load(f"configs/{CONFIGS[kind]}.yaml", [*given, *overrides])
        assert train(config) is not None
        assert not (config.run_folder / ".for_vllm").exists()
        return read_jsonl(config.run_folder / "metrics.jsonl"), read_jsonl(config.run_folder / "evaluations.jsonl")

    return started


def differences(metrics):
    """The mean absolute difference between the sampler's and the trainer's log-probabilities, at each step."""
    return [row[name] for row in metrics if (name := "sampling/sampling_logp_difference/mean") in row]


@pytest.fixture(scope="session")
def server(folder, tmp_path_factory):
    """The address of a vLLM server with the policy, which may get weights and adapters."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder), "--port", str(port)]
    command += ["--host", "127.0.0.1", "--dtype", "float32", "--enforce-eager", "--max-num-seqs", "16"]
    command += ["--enable-lora", "--max-lora-rank", "8", "--logprobs-mode", "processed_logprobs"]
    may = {"VLLM_SERVER_DEV_MODE": "1", "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1"}
    log = tmp_path_factory.mktemp("server") / "log"
    with open(log, "w") as out:
        running = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **LIGHT, **may})
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, running, log)
        yield url
    finally:
        running.terminate()
        running.wait(timeout=60)


def _wait(url, running, log):
    ends = time.monotonic() + STARTS_IN
    while time.monotonic() < ends:
        assert running.poll() is None, log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"{url}/v1/models") as answer:
                assert json.load(answer)["data"]
                return
        except OSError:
            time.sleep(1)
    raise AssertionError(log.read_text()[-3000:])
