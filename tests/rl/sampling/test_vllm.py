"""The server engine against an HTTP server that answers as `vllm serve` does, with the tiny policy behind it."""

import copy
import json
import threading
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file
from trl.trainer.grpo_config import GRPOConfig

from rewards.models.generate import SamplingParameters, Tokens
from rl.algorithms.trl_arguments import grpo_config_arguments, made
from rl.config import load
from rl.errors import UserError
from rl.sampling.draw import sample
from rl.sampling.from_engine import FromEngine
from rl.sampling.vllm import Vllm
from rl.sampling.vllm_server import Sends, VllmServer, transport
from rl.storage.run_folder import RunFolder, read_jsonl
from rl.training import train
from tests.rl.conftest import SMALL, SMALL_ONLINE

CONFIGS = Path(__file__).parents[3] / "configs"


def answer(model, asked):
    """What `POST /v1/completions` gives: plain ancestral sampling, a token at a time, without `generate`."""
    choices = []
    for index in range(asked["n"]):
        generator, ids, logps = torch.Generator().manual_seed(asked["seed"] + index), list(asked["prompt"]), []
        while len(logps) < asked["max_tokens"]:
            with torch.no_grad():
                probs = model(input_ids=torch.tensor([ids])).logits[0, -1].double().softmax(-1)
            greedy = asked["temperature"] == 0
            token = int(probs.argmax() if greedy else torch.multinomial(probs, 1, generator=generator))
            ids.append(token)
            logps.append(float(probs[token].log()))
            if token in asked["stop_token_ids"]:
                break
        ended = ids[-1] in asked["stop_token_ids"]
        tokens = ids[len(asked["prompt"]) :]
        choices.append({
            "index": index, "text": "", "finish_reason": "stop" if ended else "length", "token_ids": tokens,
            "prompt_token_ids": asked["prompt"],
            "logprobs": {"tokens": [f"token_id:{token}" for token in tokens], "token_logprobs": logps},
        })  # fmt: skip
    return {"id": "1", "object": "text_completion", "created": 0, "model": "m", "choices": choices}


@pytest.fixture
def server(warm):
    received, found = [], {}
    told = {"weight_transfer_config": None, "lora_config": {"max_lora_rank": 8}}
    told |= {"model_config": {"logprobs_mode": "processed_logprobs"}}

    class Handler(BaseHTTPRequestHandler):
        asked = received
        lock = threading.Lock()
        broken = 0
        settings = told
        updates_adapters = True
        loaded = found
        refuses = ()

        def do_GET(self):
            if self.path.startswith("/server_info"):
                environment = {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": Handler.updates_adapters}
                both = {"vllm_config": Handler.settings, "vllm_env": environment}
                self._send(*((404, {}) if Handler.settings is None else (200, both)))
            else:
                self._send(200, {"object": "list", "data": [{"id": "tiny", "object": "model"}]})

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with self.lock:
                Handler.asked.append((self.path, asked))
                failed, Handler.broken = Handler.broken > 0, Handler.broken - 1
            if self.path in Handler.refuses:
                self._send(500, {"error": "no such folder"})
            elif self.path == "/v1/completions":
                self._send(*((503, {"error": "busy"}) if failed else (200, answer(warm[0], asked))))
            else:
                path = asked.get("lora_path") or asked.get("kwargs", {}).get("weights_path")
                if path is not None:  # as vLLM's workers do, read it at once: it is deleted afterwards
                    Handler.loaded |= {
                        self.path: {one.name: load_file(one) for one in Path(path).glob("*.safetensors")}
                    }
                self._send(200, {"success": True})

        def _send(self, status, body):
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}", Handler
    running.shutdown()
    running.server_close()


PROMPTS = ["7*3-4+8?", "1+1-2?", "7*3-4+8?"]


def test_the_server_gives_what_transformers_gives(warm, server):
    given = {"max_tokens": 10, "temperature": None}
    assert sample(VllmServer(server[0]), warm[1], PROMPTS, **given) == sample(*warm, PROMPTS, **given)


def test_log_probabilities_are_those_of_a_forward_pass_here(warm, server):
    drawn = sample(VllmServer(server[0]), warm[1], PROMPTS, count=3, max_tokens=10, logprobs=True)
    for prompt, group in zip(PROMPTS, drawn, strict=True):
        for one in group:
            ids = warm[1].encode(prompt, add_special_tokens=False) + one.ids
            logits = warm[0](input_ids=torch.tensor([ids])).logits[0, -len(one.ids) - 1 : -1]
            logps = logits.log_softmax(-1)[torch.arange(len(one.ids)), torch.tensor(one.ids)]
            assert one.logprobs == pytest.approx(logps.tolist(), abs=1e-4)
            assert one.finish_reason == ("stop" if one.ids[-1] == warm[1].eos_token_id else "length")


def test_the_seed_decides_and_equal_prompts_are_drawn_apart(warm, server):
    def draw(seed):
        return sample(VllmServer(server[0]), warm[1], PROMPTS, count=4, max_tokens=10, seed=seed)

    first = draw(1)
    assert first == draw(1) != draw(2)
    assert first[0] != first[2]


def test_every_setting_reaches_the_server_so_that_its_defaults_do_not_enter(warm, server):
    sample(VllmServer(server[0]), warm[1], ["1+1-2?"], count=2, max_tokens=3, temperature=0.7, top_p=0.9, top_k=5,
           min_p=0.1, repetition_penalty=1.5, stop=[";"])  # fmt: skip
    path, asked = server[1].asked[-1]
    assert path == "/v1/completions" and asked["model"] == "tiny"
    assert asked["prompt"] == warm[1].encode("1+1-2?", add_special_tokens=False)
    assert asked["include_stop_str_in_output"] is True  # as with transformers
    wanted = {"n": 2, "max_tokens": 3, "temperature": 0.7, "top_p": 0.9, "top_k": 5, "min_p": 0.1}
    assert wanted.items() <= asked.items() and asked["repetition_penalty"] == 1.5 and asked["stop"] == [";"]


def test_the_policys_own_end_tokens_reach_the_server_and_nothing_else_of_its_defaults(warm, server):
    sample(VllmServer(server[0], eos_token_ids=[7]), warm[1], ["1+1-2?"], max_tokens=3)
    _, asked = server[1].asked[-1]
    assert asked["stop_token_ids"] == [7, warm[1].eos_token_id] and asked["stop"] is None
    assert (asked["repetition_penalty"], asked["top_k"], asked["min_p"]) == (1.0, 0, 0.0)


def test_log_probabilities_of_another_distribution_are_refused(warm, server):
    with pytest.raises(UserError, match="temperature 1"):
        sample(VllmServer(server[0]), warm[1], PROMPTS, max_tokens=3, top_k=5, logprobs=True)


def test_a_server_that_is_busy_for_a_moment_is_asked_again(warm, server):
    server[1].broken = 1
    assert len(sample(VllmServer(server[0]), warm[1], PROMPTS, max_tokens=2)) == 3


def test_no_server_and_no_vllm_are_said(tmp_path):
    with pytest.raises(UserError, match=r"sampling\.server: no vLLM server answers at http://127\.0\.0\.1:9"):
        VllmServer("http://127.0.0.1:9")
    with pytest.raises(UserError, match="pip install"):
        Vllm("anything", tmp_path, torch.device("cpu"), {})


def sends(server, folder, rank=None, device="cpu"):
    engine = VllmServer(server[0])
    place = torch.device(device)
    engine.sends = Sends(engine, folder, place, rank, is_main=True, wait_for_everyone=lambda: None)
    return engine


def asked_for(server):
    return [path for path, _ in server[1].asked]


def test_all_weights_are_reloaded_from_a_folder_and_tied_ones_under_both_names(warm, server, tmp_path):
    engine = sends(server, tmp_path / "weights")
    engine.update(warm[0])
    assert asked_for(server) == ["/collective_rpc", "/reset_prefix_cache"]
    assert server[1].asked[0][1]["method"] == "reload_weights"
    (loaded,) = server[1].loaded["/collective_rpc"].values()
    for name, weight in warm[0].state_dict().items():
        assert torch.equal(loaded[name], weight), name
    assert torch.equal(loaded["lm_head.weight"], loaded["model.embed_tokens.weight"])
    assert not list((tmp_path / "weights").iterdir())


def test_an_adapter_is_sent_as_it_is_and_its_base_model_once(warm, server, tmp_path):
    policy = get_peft_model(copy.deepcopy(warm[0]), LoraConfig(r=4, target_modules="all-linear"))
    policy.add_adapter("critic", LoraConfig(r=4, target_modules="all-linear"))
    engine = sends(server, tmp_path, rank=4)
    engine.update(policy)
    engine.update(policy)
    loads = ["/v1/load_lora_adapter", "/reset_prefix_cache"]
    assert asked_for(server) == ["/collective_rpc", *loads, *loads]
    adapters = [asked for path, asked in server[1].asked if path == loads[0]]
    assert adapters[0]["lora_path"] != adapters[1]["lora_path"] and adapters[1]["load_inplace"] is True
    (base,) = server[1].loaded["/collective_rpc"].values()
    assert {name: weight.shape for name, weight in base.items()} == {
        name: weight.shape for name, weight in warm[0].state_dict().items()
    }
    assert server[1].loaded[loads[0]]["adapter_model.safetensors"].keys() == get_peft_model_state_dict(policy).keys()
    sample(engine, warm[1], PROMPTS, max_tokens=2)
    assert server[1].asked[-1][1]["model"] == "policy"
    engine.update(warm[0])  # a policy without adapters
    sample(engine, warm[1], PROMPTS, max_tokens=2)
    assert server[1].asked[-1][1]["model"] == "tiny"


@pytest.mark.parametrize(
    ("config", "device", "expected"),
    [(None, "cuda", "folder"), ({"backend": "nccl"}, "cpu", "folder"), ({"backend": "nccl"}, "cuda", "nccl")],
)
def test_weights_go_by_nccl_where_both_sides_have_it(config, device, expected):
    assert transport({"vllm_config": {"weight_transfer_config": config}}, torch.device(device)) == expected


def test_what_a_server_cannot_do_is_said_with_how_to_restart_it(warm, server, tmp_path):
    with pytest.raises(UserError, match=r"adapters of rank 9: restart it with --enable-lora --max-lora-rank 16"):
        sends(server, tmp_path, rank=9)
    server[1].updates_adapters = False
    with pytest.raises(UserError, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"):
        sends(server, tmp_path, rank=4)
    server[1].settings = {**server[1].settings, "weight_transfer_config": {"backend": "nccl"}}
    with pytest.raises(UserError, match="by NCCL needs vllm, which is not installed"):
        sends(server, tmp_path, device="cuda")
    server[1].settings = None
    with pytest.raises(UserError, match="restart it with VLLM_SERVER_DEV_MODE=1"):
        sends(server, tmp_path)


def test_a_server_that_does_not_see_the_folder_is_said(warm, server, tmp_path):
    engine = sends(server, tmp_path)
    server[1].refuses = ("/collective_rpc",)
    with pytest.raises(UserError, match=r"did not load .*weights_1, which it must see under this path"):
        engine.update(warm[0])


def online(tmp_path, server, *overrides):
    small = {**SMALL_ONLINE, "logging.folder": tmp_path, "sampling.engine": "vllm_server", "sampling.server": server[0]}
    small |= {"evaluation.every": 0, "evaluation.k": 0, "evaluation.n": 4, "trainer.max_steps": 2}
    config = load(CONFIGS / "quickstart.yaml", [*(f"{key}={value}" for key, value in small.items()), *overrides])
    return config, train(config)


def test_an_online_run_draws_from_the_server_and_corrects_for_its_log_probabilities(warm, server, tmp_path):
    config, summary = online(tmp_path, server)
    assert summary["steps"] == 2
    draws = [asked for path, asked in server[1].asked if path == "/v1/completions" and asked["n"] == 4]
    assert len(draws) == 8 and len({asked["seed"] for asked in draws}) == 8  # two steps of four groups
    assert asked_for(server).count("/collective_rpc") == 4  # two evaluations, two draws
    first, second = [row for row in read_jsonl(config.run_folder / "metrics.jsonl") if "loss" in row]
    assert first["sampling/sampling_logp_difference/mean"] < 1e-5
    assert second["sampling/sampling_logp_difference/mean"] > 1e-4  # the stand-in does not load what it gets
    assert second["sampling/importance_sampling_ratio/max"] > 1


def test_a_servers_raw_log_probabilities_are_refused_where_they_would_mislead(warm, server, tmp_path):
    server[1].settings = {**server[1].settings, "model_config": {"logprobs_mode": "raw_logprobs"}}
    with pytest.raises(UserError, match="restart it with --logprobs-mode processed_logprobs"):
        online(tmp_path, server, "sampling.temperature=0.7")


def test_rounds_compare_the_servers_log_probabilities_with_the_policys(warm, server, tmp_path):
    small = {**SMALL, "logging.folder": tmp_path, "sampling.engine": "vllm_server", "sampling.server": server[0]}
    small |= {"evaluation.every": 0, "evaluation.k": 0, "evaluation.n": 4, "trainer.max_steps": 1}
    small |= {"algorithm.rounds": 1, "algorithm.prompts": 8}
    config = load(CONFIGS / "dpo.yaml", [f"{key}={value}" for key, value in small.items()])
    train(config)
    (row,) = [row for row in read_jsonl(config.run_folder / "metrics.jsonl") if row.get("rounds/number") == 0]
    assert row["sampling/sampling_logp_difference/max"] < 1e-4


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [([], "token_truncate"), (["trainer.vllm_importance_sampling_mode=sequence_mask"], "sequence_mask")],
)
def test_the_correction_truncates_unless_another_mode_is_set(tmp_path, overrides, expected):
    config = load(CONFIGS / "quickstart.yaml", ["sampling.engine=vllm", *overrides])
    arguments = made(GRPOConfig, grpo_config_arguments(config, RunFolder(tmp_path)))
    assert arguments.vllm_importance_sampling_mode == expected
    assert arguments.vllm_importance_sampling_correction and arguments.vllm_importance_sampling_clip_max == 3.0


def test_what_a_process_holds_of_a_group_is_drawn_together():
    class Drawn:
        def draw(self, prompt_ids, seeds, parameters, *, count, eos_token_ids, logprobs):
            self.asked, self.count, self.seeds = prompt_ids, count, seeds
            return [[Tokens([seed, place], "stop", [-0.5, -1.0]) for place in range(count)] for seed in seeds]

    steps, engine = iter([0, 0, 1]), Drawn()
    given = (SamplingParameters(4), [1], "0/0")
    drawing = FromEngine(engine, lambda: None, lambda: next(steps), *given)
    seen = []
    for prompts in ([[3]] * 4 + [[5, 6]] * 2, [[3]] * 2, [[3]] * 2):  # four and two: pairs
        back, completions, logprobs, _ = drawing.generate(prompts, None, 4, nullcontext())
        assert back == prompts and engine.asked == prompts[::2] and engine.count == 2
        assert len(completions) == len(prompts) and logprobs[0] == [[-0.5], [-1.0]]
        seen += engine.seeds
    assert len(set(seen)) == 5  # each draw of each step has seeds of its own


@pytest.mark.parametrize("name", ["quickstart", "dpo"])
def test_a_run_without_vllm_is_refused_before_it_starts(tmp_path, name):
    config = load(CONFIGS / f"{name}.yaml", ["sampling.engine=vllm", f"logging.folder={tmp_path}"])
    with pytest.raises(UserError, match=r"sampling\.engine=vllm needs vllm, which is not installed"):
        train(config)
