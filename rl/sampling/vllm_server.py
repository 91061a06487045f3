"""A vLLM server as an engine: `python -m vllm.entrypoints.openai.api_server` or `vllm serve`.

Sampling needs only its `POST /v1/completions` with token ids. Weights reach it in the first of
these ways that is there:

- an adapter: its folder is loaded by `POST /v1/load_lora_adapter`;
- all weights, if trainer and server have GPUs and the server was started with `--weight-transfer-config`: by NCCL, with
  the client of TRL 1.16 (`trl/generation/vllm_client.py`);
- all weights otherwise: a folder, which `POST /collective_rpc` lets the server's workers reload.

A folder has to be on a disk that the server sees under the same path.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import openai
import tenacity
from peft import PeftModel
from torch import device as Device

from rewards.models.generate import Tokens
from rewards.models.types import Model
from rl.errors import UserError
from rl.sampling.vllm import VllmEngine, as_tokens, need_vllm
from rl.sampling.weights import all_weights, write_adapter, write_weights

AT_ONCE = 64
"""Largest number of concurrent requests to a server."""
KEY = "sampling.server"
NOT_OPENAI = ("top_k", "min_p", "repetition_penalty", "include_stop_str_in_output", "stop_token_ids")
"""Sampling parameters of vLLM's that OpenAI's interface does not have."""
POLICY = "policy"
"""The name of the policy's adapter on the server."""

Transport = Literal["nccl", "folder"]


class VllmServer(VllmEngine):
    """A vLLM server that holds the policy.

    Args:
        url: such as `http://localhost:8000`.
        wait: how long to wait for the server to answer, in seconds.
        timeout: time limit of a request, in seconds; it is tried five times.
        eos_token_ids: the policy's end-of-text tokens in addition to the tokenizer's.

    Attributes:
        sends: how weights get to the server; None for a server that keeps its own.

    Raises:
        UserError: no vLLM server answers at the address.
    """

    def __init__(
        self, url: str, *, wait: float = 0.0, timeout: float = 600.0, eos_token_ids: Sequence[int] = ()
    ) -> None:
        self.eos_token_ids = eos_token_ids
        self.url = url.rstrip("/")
        self.sends: Sends | None = None
        self._client = openai.OpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=4, timeout=timeout)
        trying = tenacity.Retrying(
            stop=tenacity.stop_after_delay(wait),
            wait=tenacity.wait_fixed(1),
            retry=tenacity.retry_if_exception_type(openai.APIConnectionError),
            reraise=True,
        )
        try:
            served = trying(lambda: self._client.with_options(max_retries=1).models.list().data)
            self.model = served[0].id
        except (openai.APIError, IndexError) as error:
            raise UserError(KEY, f"no vLLM server answers at {url}: {error}") from error

    def update(self, policy: Model) -> None:
        """Send the weights of a policy to the server."""
        assert self.sends is not None, "an engine that is updated has been told how"
        self.sends(policy)
        self.model = POLICY if isinstance(policy, PeftModel) else self.sends.base

    def close(self) -> None:
        """Do nothing: the server goes on."""

    def info(self) -> dict[str, Any]:
        """The server's settings.

        Raises:
            UserError: it does not tell them.
        """
        try:
            # without `Any`, openai would want a model of the answer
            found: Any = self._client.get(f"{self.url}/server_info?config_format=json", cast_to=object)
        except openai.NotFoundError as error:
            raise UserError(
                KEY, f"{self.url} cannot get weights: restart it with VLLM_SERVER_DEV_MODE=1 in its environment"
            ) from error
        except openai.APIError as error:
            raise UserError(KEY, f"{self.url} failed: {error}") from error
        return found

    def post(self, path: str, body: dict[str, Any], what: str) -> Any:
        """Ask the server for something once.

        Args:
            path: of the endpoint, such as `/collective_rpc`.
            body: what is asked, as JSON.
            what: what could not be done, for the message.

        Raises:
            UserError: the server fails or refuses.
        """
        try:
            return self._client.with_options(max_retries=0).post(f"{self.url}{path}", cast_to=object, body=body)
        except openai.APIError as error:
            raise UserError(KEY, f"{self.url} {what}: {error}") from error

    def _drawn(self, prompt_ids: Sequence[list[int]], settings: Sequence[dict[str, Any]]) -> list[list[Tokens]]:
        with ThreadPoolExecutor(min(AT_ONCE, max(1, len(prompt_ids)))) as threads:
            return list(threads.map(self._one, prompt_ids, settings))

    def _one(self, ids: list[int], settings: dict[str, Any]) -> list[Tokens]:
        extra = {name: settings[name] for name in NOT_OPENAI}
        plain = {name: value for name, value in settings.items() if name not in NOT_OPENAI}
        more = {"return_token_ids": True, "return_tokens_as_token_ids": True}
        try:
            answer = self._client.completions.create(
                model=self.model, prompt=ids, **plain, extra_body={**extra, **more}
            )
        except openai.APIError as error:
            raise UserError(KEY, f"{self.url} failed: {error}") from error
        made = []
        for choice in sorted(answer.choices, key=lambda choice: choice.index):
            tokens = (choice.model_extra or {}).get("token_ids")
            if tokens is None:
                raise UserError(KEY, f"{self.url} gives no token ids: its vLLM is older than 0.11")
            logprobs = choice.logprobs.token_logprobs if settings["logprobs"] is not None and choice.logprobs else None
            made.append(as_tokens(tokens, choice.finish_reason, logprobs))
        return made


def transport(info: dict[str, Any], device: Device) -> Transport:
    """How all weights get to a server.

    Args:
        info: the server's settings.
        device: the device that trains.

    Returns:
        `nccl` if both sides have what it takes, otherwise `folder`.
    """
    there = (info["vllm_config"].get("weight_transfer_config") or {}).get("backend") == "nccl"
    return "nccl" if there and device.type == "cuda" else "folder"


class Sends:
    """Sends the weights of a policy to a server. Every process calls it, and the main process alone sends.

    Args:
        server: the server.
        folder: a folder that the server sees under the same path.
        device: the device that trains.
        rank: the rank of the policy's adapter; None for a policy without one.
        is_main: whether this is the main process.
        wait_for_everyone: waits until every process gets there.
        group_port: the port at which trainer and server meet for NCCL.

    Attributes:
        how: how all weights get to the server.
        base: the server's name of the base model.

    Raises:
        UserError: the server was not started for it, or vllm is not installed here, which NCCL needs.
    """

    def __init__(
        self,
        server: VllmServer,
        folder: Path,
        device: Device,
        rank: int | None,
        *,
        is_main: bool,
        wait_for_everyone: Callable[[], None],
        group_port: int = 51216,
    ) -> None:
        self.server, self.folder, self.device, self.base = server, folder.resolve(), device, server.model
        self.is_main, self.wait_for_everyone, self.group_port = is_main, wait_for_everyone, group_port
        self.holds_base, self.updates = False, 0
        self._client: Any = None
        info = server.info()
        self.how = transport(info, device)
        if rank is not None:
            _check_adapters(server.url, info, rank)
        if self.how == "nccl":
            need_vllm(f"sending weights to {server.url} by NCCL")

    def __call__(self, policy: Model) -> None:
        """Send the weights of a policy: its adapter, or all weights if it has none.

        A policy with an adapter has its base model sent once as well, because the server may hold the weights of an
        earlier run; a quantized base model cannot be sent, and the server has to hold it.
        """
        adapted, quantized = isinstance(policy, PeftModel), getattr(policy, "is_quantized", False)
        if not quantized and not (adapted and self.holds_base):
            (self._by_nccl if self.how == "nccl" else self._by_folder)(policy)
            self.holds_base = adapted
        if isinstance(policy, PeftModel):
            self._adapter(policy)
        if self.is_main:
            self.server.post("/reset_prefix_cache", {}, "did not forget the prefixes of the last weights")
        self.wait_for_everyone()

    def _by_folder(self, policy: Model) -> None:
        folder = self._next_folder("weights")
        write_weights(policy, folder, writes=self.is_main)
        if self.is_main:
            asked = {"method": "reload_weights", "kwargs": {"weights_path": str(folder)}}
            self.server.post("/collective_rpc", asked, f"did not load {folder}, which it must see under this path")
            shutil.rmtree(folder)

    def _adapter(self, policy: PeftModel) -> None:
        folder = self._next_folder("adapter")
        write_adapter(policy, folder, writes=self.is_main)
        if self.is_main:
            asked = {"lora_name": POLICY, "lora_path": str(folder), "load_inplace": True}
            self.server.post(
                "/v1/load_lora_adapter", asked, f"did not load {folder}, which it must see under this path"
            )
            shutil.rmtree(self.folder / f"adapter_{self.updates - 1}", ignore_errors=True)

    def _next_folder(self, what: str) -> Path:
        """A new folder for each update, because vLLM keeps prefixes that it computed with weights of the same path."""
        self.updates += 1
        return self.folder / f"{what}_{self.updates}"

    def _by_nccl(self, policy: Model) -> None:
        """Not run yet: it needs a GPU on both sides."""
        described = [
            (name, str(weight.dtype).removeprefix("torch."), list(weight.shape)) for name, weight in all_weights(policy)
        ]
        if not self.is_main:
            for _ in all_weights(policy):  # takes part in gathering them
                pass
            return
        if self._client is None:
            from trl.generation.vllm_client import VLLMClient

            self._client = VLLMClient(base_url=self.server.url, group_port=self.group_port)
            self._client.init_communicator(device=self.device)
        self._client.update_named_params(described, all_weights(policy))


def _check_adapters(url: str, info: dict[str, Any], rank: int) -> None:
    """Refuse a server that could not load the policy's adapter."""
    settings, environment = info["vllm_config"].get("lora_config"), info.get("vllm_env") or {}
    if settings is None or settings["max_lora_rank"] < rank or not environment.get("VLLM_ALLOW_RUNTIME_LORA_UPDATING"):
        raise UserError(
            KEY,
            f"{url} cannot get adapters of rank {rank}: restart it with --enable-lora --max-lora-rank "
            f"{vllm_rank(rank)}, and with VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 in its environment",
        )


def vllm_rank(rank: int) -> int:
    """The smallest of the ranks that vLLM makes room for in which an adapter fits.

    Args:
        rank: the adapter's rank.

    Raises:
        UserError: it is larger than all of them.
    """
    for room in (8, 16, 32, 64, 128, 256, 320, 512):
        if rank <= room:
            return room
    raise UserError("policy.lora.r", f"vLLM takes adapters of rank 512 at most, got {rank}")
