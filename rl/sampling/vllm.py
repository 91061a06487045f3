"""vLLM as an engine of `rewards.models.generate`: on the device that trains, or as a server.

Both get the prompt's tokens, one seed per prompt (vLLM increments it for each further completion of the prompt), and
what ends a completion. The defaults in the model's own generation config are not used.

The server is vLLM's own, `vllm serve MODEL`, which TRL 1.16 uses as well (`trl/generation/vllm_client.py`). Sampling
needs only its `POST /v1/completions` with token ids, so the client needs vllm only to send weights.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import openai
from transformers import PreTrainedModel

from rewards.models.generate import SamplingParameters, Tokens
from rl.errors import UserError

AT_ONCE = 64
"""Largest number of concurrent requests to a server."""


class VllmEngine(ABC):
    """What both engines share: the sampling parameters under vLLM's names.

    Attributes:
        models_logprobs: whether log-probabilities are always those of the model's own distribution.
    """

    models_logprobs: ClassVar[bool]

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
        if logprobs and not self.models_logprobs and not parameters.plain:
            raise UserError(
                "sampling",
                "log-probabilities from a server need temperature 1 without top_p, top_k, min_p and repetition_penalty",
            )
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
    def _drawn(self, prompt_ids: Sequence[list[int]], settings: Sequence[dict[str, Any]]) -> list[list[Tokens]]:
        """The completions of each prompt, drawn with its settings."""


class VllmServer(VllmEngine):
    """A vLLM server that holds the policy.

    Args:
        url: such as `http://localhost:8000`.
        timeout: time limit of a request, in seconds; it is tried five times.
        eos_token_ids: the policy's end-of-text tokens in addition to the tokenizer's.

    Raises:
        UserError: no vLLM server answers at the address.
    """

    # a server gives those of the model or of the distribution it draws from, depending on its `--logprobs-mode`
    models_logprobs = False

    def __init__(self, url: str, timeout: float = 600.0, *, eos_token_ids: Sequence[int] = ()) -> None:
        self.eos_token_ids = eos_token_ids
        self.url = url.rstrip("/")
        self._client = openai.OpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=4, timeout=timeout)
        try:
            self.model = self._client.with_options(max_retries=1).models.list().data[0].id
        except (openai.APIError, IndexError) as error:
            raise UserError("sampling.server", f"no vLLM server answers at {url}: {error}") from error

    def _drawn(self, prompt_ids: Sequence[list[int]], settings: Sequence[dict[str, Any]]) -> list[list[Tokens]]:
        with ThreadPoolExecutor(min(AT_ONCE, max(1, len(prompt_ids)))) as threads:
            return list(threads.map(self._one, prompt_ids, settings))

    def update(self, policy: PreTrainedModel) -> None:
        """Send the weights of a policy to the server, by TRL's client over NCCL.

        Not tested: it needs vllm and a GPU on both sides, and a server started as TRL's documentation says.

        Raises:
            UserError: vllm is not installed here.
        """
        need_vllm("sending weights to a vLLM server")
        from trl.generation.vllm_client import VLLMClient

        client = VLLMClient(base_url=self.url)
        client.init_communicator(device=policy.device)
        try:
            client.update_model_params(policy)
            client.reset_prefix_cache()
        finally:
            client.close_communicator()

    def _one(self, ids: list[int], settings: dict[str, Any]) -> list[Tokens]:
        extra = {name: settings[name] for name in NOT_OPENAI}
        plain = {name: value for name, value in settings.items() if name not in NOT_OPENAI}
        more = {"return_token_ids": True, "return_tokens_as_token_ids": True}
        try:
            answer = self._client.completions.create(
                model=self.model, prompt=ids, **plain, extra_body={**extra, **more}
            )
        except openai.APIError as error:
            raise UserError("sampling.server", f"{self.url} failed: {error}") from error
        made = []
        for choice in sorted(answer.choices, key=lambda choice: choice.index):
            tokens = (choice.model_extra or {}).get("token_ids")
            if tokens is None:
                raise UserError("sampling.server", f"{self.url} gives no token ids: its vLLM is older than 0.11")
            logprobs = choice.logprobs.token_logprobs if settings["logprobs"] is not None and choice.logprobs else None
            made.append(_tokens(tokens, choice.finish_reason, logprobs))
        return made


class Vllm(VllmEngine):
    """vLLM on the device that trains, in this process.

    Not tested, because vllm was not available. It calls vLLM's `LLM.generate` with the arguments that TRL 1.16 passes
    (`trl/generation/vllm_generation.py`).

    Args:
        path: folder or hub id of the policy, with adapters merged.
        memory: share of the device's memory that vLLM may use.
        eos_token_ids: the policy's end-of-text tokens in addition to the tokenizer's.

    Raises:
        UserError: vllm is not installed.
    """

    models_logprobs = True

    def __init__(self, path: str, memory: float = 0.3, *, eos_token_ids: Sequence[int] = ()) -> None:
        self.eos_token_ids = eos_token_ids
        need_vllm("sampling.engine=vllm")
        from vllm import LLM  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]  # an extra

        self._llm = LLM(model=path, gpu_memory_utilization=memory, logprobs_mode="raw_logprobs")

    def _drawn(self, prompt_ids: Sequence[list[int]], settings: Sequence[dict[str, Any]]) -> list[list[Tokens]]:
        from vllm import SamplingParams  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]  # as above

        each = [SamplingParams(**one) for one in settings]
        answers = self._llm.generate([{"prompt_token_ids": ids} for ids in prompt_ids], each, use_tqdm=False)
        drawn = []
        for answer in answers:
            group = []
            for one in sorted(answer.outputs, key=lambda one: one.index):
                ids = list(one.token_ids)
                found = None
                if one.logprobs is not None:
                    found = [place[token].logprob for token, place in zip(ids, one.logprobs, strict=True)]
                group.append(_tokens(ids, one.finish_reason, found))
            drawn.append(group)
        return drawn


NOT_OPENAI = ("top_k", "min_p", "repetition_penalty", "include_stop_str_in_output", "stop_token_ids")
"""Sampling parameters of vLLM's that OpenAI's interface does not have."""


def _tokens(ids: Sequence[int], finish_reason: str | None, logprobs: Sequence[float | None] | None) -> Tokens:
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
