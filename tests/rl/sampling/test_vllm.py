"""The server engine against an HTTP server that answers as `vllm serve` does, with the tiny policy behind it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from rl.algorithms.trl_arguments import grpo_config_arguments, vllm_stops
from rl.config import load
from rl.errors import UserError
from rl.sampling.draw import sample
from rl.sampling.vllm import Vllm, VllmServer
from rl.storage.run_folder import RunFolder
from rl.training import train

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
    received = []

    class Handler(BaseHTTPRequestHandler):
        asked = received
        lock = threading.Lock()
        broken = 0

        def do_GET(self):
            self._send(200, {"object": "list", "data": [{"id": "tiny", "object": "model"}]})

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with self.lock:
                Handler.asked.append((self.path, asked))
                failed, Handler.broken = Handler.broken > 0, Handler.broken - 1
            self._send(*((503, {"error": "busy"}) if failed else (200, answer(warm[0], asked))))

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


def test_stop_strings_and_penalties_reach_trl_and_through_it_vllm(warm, tmp_path):
    drawn = ["sampling.stop=[';', <eos>]", "sampling.repetition_penalty=1.2", "sampling.chat_template_kwargs={a: 1}"]
    folder = RunFolder(tmp_path)
    config = load(CONFIGS / "quickstart.yaml", drawn)
    here = grpo_config_arguments(config, folder)
    assert (here["repetition_penalty"], here["chat_template_kwargs"]) == (1.2, {"a": 1})
    assert vllm_stops(config, warm[1]) == {} and "generation_kwargs" not in here
    of_vllm = vllm_stops(load(CONFIGS / "quickstart.yaml", [*drawn, "sampling.engine=vllm"]), warm[1])
    ends = {"stop": [";"], "stop_token_ids": [warm[1].eos_token_id], "include_stop_str_in_output": True}
    assert of_vllm == {"generation_kwargs": ends}


def test_log_probabilities_of_another_distribution_are_refused(warm, server):
    with pytest.raises(UserError, match="temperature 1"):
        sample(VllmServer(server[0]), warm[1], PROMPTS, max_tokens=3, top_k=5, logprobs=True)


def test_a_server_that_is_busy_for_a_moment_is_asked_again(warm, server):
    server[1].broken = 1
    assert len(sample(VllmServer(server[0]), warm[1], PROMPTS, max_tokens=2)) == 3


def test_no_server_and_no_vllm_are_said():
    with pytest.raises(UserError, match=r"sampling\.server: no vLLM server answers at http://127\.0\.0\.1:9"):
        VllmServer("http://127.0.0.1:9")
    with pytest.raises(UserError, match="pip install"):
        Vllm("anything")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], (False, "colocate", None)),
        (["sampling.engine=vllm"], (True, "colocate", None)),
        (["sampling.engine=vllm_server", "sampling.server=http://x:1"], (True, "server", "http://x:1")),
    ],
)
def test_the_engine_is_trls_in_online_runs(tmp_path, overrides, expected):
    arguments = grpo_config_arguments(load(CONFIGS / "quickstart.yaml", overrides), RunFolder(tmp_path))
    assert tuple(arguments[name] for name in ("use_vllm", "vllm_mode", "vllm_server_base_url")) == expected


@pytest.mark.parametrize("name", ["quickstart", "dpo"])
def test_a_run_without_vllm_is_refused_before_it_starts(tmp_path, name):
    config = load(CONFIGS / f"{name}.yaml", ["sampling.engine=vllm", f"logging.folder={tmp_path}"])
    with pytest.raises(UserError, match=r"sampling\.engine=vllm needs vllm, which is not installed"):
        train(config)
