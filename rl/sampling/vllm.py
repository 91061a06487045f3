"""vLLM as an engine of `rewards.models.generate`, on the device that trains; a server is in `vllm_server.py`.

Both get the prompt's tokens, one seed per prompt (vLLM increments it for each further completion of the prompt), and
what ends a completion. The defaults in the model's own generation config are not used. Both hold the policy's base
model, and get the policy's weights by `update` before they sample from it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from rewards.models.generate import SamplingParameters, Tokens
from rewards.models.types import Model
from rl.errors import UserError
from rl.sampling.weights import all_weights, write_adapter


class VllmEngine(ABC):
    """What both engines share: the sampling parameters under vLLM's names.

    Attributes:
        eos_token_ids: the policy's end-of-text tokens in addition to the tokenizer's.
    """

    eos_token_ids: Sequence[int]

    def generate(
        self,
        prompt_ids: Sequence[list[int]],
        seeds: Sequence[int],
        parameters: SamplingParameters,
        *,
        count: int,
        eos_token_ids: Sequence[int],
        logprobs: bool,
    ) -> list[list[Tokens]]:
        """Draw completions of each prompt.

        Args:
            prompt_ids: the token ids of each prompt.
            seeds: one seed per prompt.
            parameters: the sampling parameters.
            count: completions per prompt.
            eos_token_ids: tokens that end a completion.
            logprobs: whether to return log-probabilities (nats) of the drawn tokens.

        Returns:
            For each prompt its `count` completions.

        Raises:
            UserError: the engine cannot give these log-probabilities, or a server fails or refuses.
        """
        if logprobs and not parameters.plain:
            raise UserError(
                "sampling",
                "log-probabilities from vLLM need temperature 1 without top_p, top_k, min_p and repetition_penalty",
            )
        return self.draw(prompt_ids, seeds, parameters, count=count, eos_token_ids=eos_token_ids, logprobs=logprobs)

    def draw(
        self,
        prompt_ids: Sequence[list[int]],
        seeds: Sequence[int],
        parameters: SamplingParameters,
        *,
        count: int,
        eos_token_ids: Sequence[int],
        logprobs: bool,
    ) -> list[list[Tokens]]:
        """As `generate`, with the log-probabilities of the distribution that the tokens are drawn from.

        These differ from the model's own at another temperature, or with top_p, top_k, min_p or repetition_penalty.
        """
        settings = {
            "n": count,
            "max_tokens": parameters.max_tokens,
            "temperature": 0.0 if parameters.temperature is None else parameters.temperature,
            "top_p": parameters.top_p,
            "top_k": parameters.top_k,
            "min_p": parameters.min_p or 0.0,
            "repetition_penalty": parameters.repetition_penalty,
            "stop": list(parameters.stop) or None,
            "include_stop_str_in_output": True,  # as with transformers, the stop string stays in the text
            "stop_token_ids": list(eos_token_ids),
            "logprobs": 0 if logprobs else None,
        }
        return self._drawn(prompt_ids, [{**settings, "seed": seed} for seed in seeds])

    @abstractmethod
    def update(self, policy: Model) -> None:
        """Take the weights of a policy: all of them, or its adapter. Every process calls it.

        Args:
            policy: the policy, without wrappers such as DDP.

        Raises:
            UserError: the weights cannot be sent.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back what the engine holds in this process."""

    @abstractmethod
    def _drawn(self, prompt_ids: Sequence[list[int]], settings: Sequence[dict[str, Any]]) -> list[list[Tokens]]:
        """The completions of each prompt, drawn with its settings."""


class Vllm(VllmEngine):
    """vLLM on the device that trains, in this process; each process has its own.

    Args:
        path: folder or hub id of the base model.
        folder: a folder for adapters, of this process alone.
        device: the device that trains.
        settings: further arguments of vLLM's `LLM`.
        eos_token_ids: the policy's end-of-text tokens in addition to the tokenizer's.

    Raises:
        UserError: vllm is not installed, or refuses the model.
    """

    def __init__(
        self,
        path: str,
        folder: Path,
        device: torch.device,
        settings: Mapping[str, Any],
        *,
        eos_token_ids: Sequence[int] = (),
    ) -> None:
        need_vllm("sampling.engine=vllm")
        self.eos_token_ids, self.folder = eos_token_ids, folder
        self.holds_base, self.updates, self.adapter = True, 0, None
        self.sleeps = bool(settings.get("enable_sleep_mode"))
        on_cpu = device.type == "cpu"
        if on_cpu:
            os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")  # the trainer has the same cores
        from vllm import LLM  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]  # an extra

        try:
            with _alone(), torch.random.fork_rng():
                self._llm: Any = LLM(
                    model=path,
                    distributed_executor_backend="external_launcher",  # in this process, on its device
                    logprobs_mode="processed_logprobs",
                    max_num_batched_tokens=4096,
                    enforce_eager=on_cpu,
                    use_tqdm_on_load=False,
                    seed=0,
                    **settings,
                )
        except (ValueError, RuntimeError, NotImplementedError) as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise UserError("sampling.engine", f"vLLM does not load {path}: {said[0]}") from error
        self._rest()

    def update(self, policy: Model) -> None:
        """Load the weights of a policy into vLLM."""
        if self.sleeps:
            self._llm.wake_up(tags=["weights"])
        adapted = isinstance(policy, PeftModel)
        if not (adapted and self.holds_base):
            self._llm.collective_rpc("reload_weights", kwargs={"weights_iterator": all_weights(policy)})
            self.holds_base = adapted
        self.adapter = self._adapter(policy) if adapted else None
        self._llm.reset_prefix_cache()

    def close(self) -> None:
        """Give back the memory, and vLLM's process group, which a later engine in this process could not share."""
        self._llm.llm_engine.engine_core.shutdown()

    def _adapter(self, policy: PeftModel) -> Any:
        """vLLM's request for the current adapter, which is in a new folder and has a new number."""
        from vllm.lora.request import LoRARequest  # pyright: ignore[reportMissingImports]  # an extra

        self.updates += 1
        shutil.rmtree(self.folder / str(self.updates - 1), ignore_errors=True)
        path = self.folder / str(self.updates)
        write_adapter(policy, path, writes=True)
        return LoRARequest(f"policy{self.updates}", self.updates, str(path.resolve()))

    def _drawn(self, prompt_ids: Sequence[list[int]], settings: Sequence[dict[str, Any]]) -> list[list[Tokens]]:
        from vllm import SamplingParams  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]  # as above

        if self.sleeps:
            self._llm.wake_up()
        each = [SamplingParams(**one) for one in settings]
        prompts = [{"prompt_token_ids": ids} for ids in prompt_ids]
        answers = self._llm.generate(prompts, each, use_tqdm=False, lora_request=self.adapter)
        self._rest()
        drawn = []
        for answer in answers:
            group = []
            for one in sorted(answer.outputs, key=lambda one: one.index):
                ids = list(one.token_ids)
                found = None
                if one.logprobs is not None:
                    found = [place[token].logprob for token, place in zip(ids, one.logprobs, strict=True)]
                group.append(as_tokens(ids, one.finish_reason, found))
            drawn.append(group)
        return drawn

    def _rest(self) -> None:
        """Leave the device's memory to the trainer; the weights wait in main memory."""
        if self.sleeps:
            self._llm.sleep(level=1)


def as_tokens(ids: Sequence[int], finish_reason: str | None, logprobs: Sequence[float | None] | None) -> Tokens:
    """A completion of vLLM's.

    Args:
        ids: its token ids.
        finish_reason: why it ended.
        logprobs: log-probabilities (nats) of its tokens; None for one that vLLM does not know.

    Raises:
        UserError: it ended for another reason than a stop or its length.
    """
    if finish_reason not in ("stop", "length"):
        raise UserError("sampling", f"expected a completion to end by stop or length, got {finish_reason!r} from vLLM")
    values = None if logprobs is None else [float("nan") if value is None else value for value in logprobs]
    return Tokens(list(ids), finish_reason, values)


def need_vllm(what: str) -> None:
    """Check that vllm is installed.

    Args:
        what: what needs vllm, for the message.

    Raises:
        UserError: it is not installed.
    """
    if importlib.util.find_spec("vllm") is None:
        raise UserError(
            "sampling.engine", f"{what} needs vllm, which is not installed: pip install 'whetstone-rl[gpu]'"
        )


@contextmanager
def _alone() -> Iterator[None]:
    """Within this context, a process that no launcher started has the variables that a launcher sets."""
    if "RANK" in os.environ:
        yield
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
