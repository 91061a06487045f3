"""Loads the policy: any causal language model from a path or the hub, or the embedded one, with LoRA or QLoRA."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftConfig, prepare_model_for_kbit_training
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rl.config import Policy as PolicySettings
from rl.errors import UserError

PLAIN_CHAT = (
    "{% for message in messages %}{{ message['role'] | capitalize }}: {{ message['content'] }}\n\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""Layout of chat messages for a tokenizer that brings none."""


@dataclass(frozen=True)
class Policy:
    """A loaded policy.

    Attributes:
        model: the causal language model.
        tokenizer: its tokenizer, with a pad token.
        lora: adapters for the trainer to add, or None for full training.
        notes: what was missing and how it was handled, for the user to read.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    lora: PeftConfig | None = None
    notes: list[str] = field(default_factory=list)


def load(settings: PolicySettings, path: str | Path, *, chat: bool) -> Policy:
    """Load the policy and make it ready for training.

    Args:
        settings: the config's `policy` section.
        path: a folder or hub id; for the embedded policy, the folder of the warm start.
        chat: whether prompts are chat messages.

    Raises:
        UserError: there is no such model, it is no causal language model, or what the settings ask for is not there.
    """
    notes: list[str] = []
    where = {"revision": settings.revision, "trust_remote_code": settings.trust_remote_code}
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, **where)
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(path, **where, **_loading(settings))
    except (OSError, ValueError, ImportError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError("policy.model", f"{str(path)!r} could not be loaded: {reason}") from error
    _give_pad_token(tokenizer, model, notes)
    if chat:
        _give_chat_template(tokenizer, settings.chat_template, notes)
    rows = model.get_input_embeddings().weight.shape[0]  # type: ignore[index]
    if len(tokenizer) > rows:
        raise UserError(
            "policy.model",
            f"the tokenizer has {len(tokenizer)} tokens and the model's embedding only {rows}: they do not belong "
            f"together",
        )
    lora = None
    if settings.lora is not None:
        if settings.quantize:
            model = prepare_model_for_kbit_training(model)
        lora = _lora(settings, model, notes)
    elif model.config.get_text_config().tie_word_embeddings:
        notes.append("input embedding and output head are one matrix; they are trained and saved as one")
    return Policy(model, tokenizer, lora, notes)


def _loading(settings: PolicySettings) -> dict[str, Any]:
    """Arguments for `from_pretrained`: `auto` keeps the stored type on a GPU and computes in float32 on a CPU."""
    on_gpu = torch.cuda.is_available()
    dtype = settings.dtype if settings.dtype != "auto" or on_gpu else "float32"
    arguments: dict[str, Any] = {"dtype": dtype if dtype == "auto" else getattr(torch, dtype)}
    if settings.attention is not None:
        arguments["attn_implementation"] = settings.attention
    if settings.quantize:
        if not on_gpu:
            raise UserError(
                "policy.quantize", "bitsandbytes needs a GPU, and none is here; leave it out to run on the CPU"
            )
        compute = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        arguments["quantization_config"] = (
            BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=compute,
            )
            if settings.quantize == "4bit"
            else BitsAndBytesConfig(load_in_8bit=True)
        )
    return arguments


def _give_pad_token(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel, notes: list[str]) -> None:
    if tokenizer.eos_token_id is None:
        raise UserError("policy.model", "the tokenizer has no end-of-text token, so no completion could ever end")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
        notes.append(f"the tokenizer has no pad token; {tokenizer.eos_token!r} pads, hidden from attention and loss")
    tokenizer.padding_side = "left"
    model.config.pad_token_id = tokenizer.pad_token_id
    if model.generation_config is not None:
        model.generation_config.pad_token_id = tokenizer.pad_token_id


def _give_chat_template(tokenizer: PreTrainedTokenizerBase, file: str | None, notes: list[str]) -> None:
    if file is not None:
        if not Path(file).is_file():
            raise UserError("policy.chat_template", f"no file {file!r}")
        tokenizer.chat_template = Path(file).read_text(encoding="utf-8")
    elif tokenizer.chat_template is None:
        tokenizer.chat_template = PLAIN_CHAT
        notes.append("the tokenizer has no chat template; messages are laid out as 'User: …' and 'Assistant:'")


def _lora(settings: PolicySettings, model: PreTrainedModel, notes: list[str]) -> LoraConfig:
    assert settings.lora is not None
    targets = settings.lora.targets
    named = [targets] if isinstance(targets, str) else targets
    tied = model.config.get_text_config().tie_word_embeddings
    touches_head = any(
        name.rpartition(".")[2] in ("lm_head", "embed_tokens", "wte", "embed_in", "embed_out") for name in named
    )
    if tied and touches_head:
        notes.append("input embedding and output head are one matrix; the adapter on one is shared with the other")
    missing = [
        name
        for name in named
        if name != "all-linear"
        and isinstance(targets, list)
        and not any(m.endswith(name) for m, _ in model.named_modules())
    ]
    if missing:
        raise UserError("policy.lora.targets", f"the model has no module {missing[0]!r}")
    return LoraConfig(
        r=settings.lora.r,
        lora_alpha=settings.lora.alpha,
        lora_dropout=settings.lora.dropout,
        target_modules=targets,
        ensure_weight_tying=tied and touches_head,
        task_type="CAUSAL_LM",
    )
