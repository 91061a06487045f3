"""Makes the engine that `sampling.engine` names, ready to take the weights of the policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelerate import PartialState
from peft import LoraConfig, PeftModel

from rewards.models.generate import eos_token_ids
from rl.config import Config
from rl.errors import UserError
from rl.policy.load import Policy
from rl.sampling.draw import parameters_of
from rl.sampling.vllm import Vllm, VllmEngine
from rl.sampling.vllm_server import Sends, VllmServer, vllm_rank
from rl.sampling.weights import ADAPTER
from rl.storage.run_folder import RunFolder

MEMORY = 0.3
"""The share of the device's memory that vLLM has on a device that trains; TRL's default."""


def build(config: Config, policy: Policy, state: PartialState, folder: RunFolder) -> VllmEngine | None:
    """The engine of a run; None if transformers generates.

    Args:
        config: a checked config.
        policy: the policy as it was loaded.
        state: of the processes.
        folder: the run folder, in which weights are passed on.

    Raises:
        UserError: vLLM cannot be had, or cannot hold the policy.
    """
    if config.sampling.engine == "transformers":
        return None
    adapter, given, device = _adapter(policy), config.trainer, state.device
    assert device is not None, "a process has a device"
    rank = None if adapter is None else adapter.r
    ends = eos_token_ids(policy.model, policy.tokenizer)
    if state.is_main_process:
        folder.clear_weights()
    state.wait_for_everyone()
    if config.sampling.engine == "vllm":
        base = policy.path
        if isinstance(policy.model, PeftModel):
            base = policy.model.peft_config[ADAPTER].base_model_name_or_path or base
        own = folder.weights / str(state.process_index)
        return Vllm(base, own, device, _settings(config, policy, given, rank), eos_token_ids=ends)
    assert config.sampling.server is not None, "checked with the config"
    server = VllmServer(config.sampling.server, wait=given.get("vllm_server_timeout") or 0.0, eos_token_ids=ends)
    server.sends = Sends(
        server,
        folder.weights,
        device,
        rank,
        is_main=state.is_main_process,
        wait_for_everyone=state.wait_for_everyone,
        group_port=given.get("vllm_group_port") or 51216,
    )
    if not config.algorithm.in_rounds and given.get("vllm_importance_sampling_correction", True):
        _check_logprobs(config, server)
    return server


def _settings(config: Config, policy: Policy, given: Mapping[str, Any], rank: int | None) -> dict[str, Any]:
    """Arguments of vLLM's `LLM` for a policy."""
    settings = {
        "dtype": str(policy.model.dtype).removeprefix("torch."),
        "revision": config.policy.revision,
        "trust_remote_code": config.policy.trust_remote_code,
        "gpu_memory_utilization": given.get("vllm_gpu_memory_utilization", MEMORY),
        "max_model_len": given.get("vllm_max_model_length"),
        "model_impl": given.get("vllm_model_impl") or "auto",
        "enable_sleep_mode": bool(given.get("vllm_enable_sleep_mode")),
    }
    if rank is not None:
        settings |= {"enable_lora": True, "max_lora_rank": vllm_rank(rank), "max_loras": 1}
    if config.policy.quantize is not None:
        settings["quantization"] = "bitsandbytes"
    return settings


def _adapter(policy: Policy) -> LoraConfig | None:
    """The settings of the policy's adapter; None for full training.

    Raises:
        UserError: it trains more than vLLM takes in an adapter.
    """
    adapter: Any = policy.model.peft_config[ADAPTER] if isinstance(policy.model, PeftModel) else policy.lora
    if adapter is not None and adapter.modules_to_save:
        raise UserError(
            "policy.lora.modules_to_save",
            "vLLM takes no whole modules in an adapter; leave them out, or use sampling.engine=transformers",
        )
    return adapter


def _check_logprobs(config: Config, server: VllmServer) -> None:
    """Refuse a server whose log-probabilities are not those of the distribution that it draws from."""
    assert server.sends is not None
    mode = server.info()["vllm_config"]["model_config"]["logprobs_mode"]
    if mode != "processed_logprobs" and not parameters_of(config.sampling.parameters).plain:
        raise UserError(
            "sampling.server",
            f"{server.url} gives {mode} where the correction of the sampler's log-probabilities needs those after "
            f"temperature, top_p, top_k, min_p and repetition_penalty: restart it with --logprobs-mode "
            f"processed_logprobs",
        )
