"""Loads the policy: any causal language model from a path or the hub, or the embedded one, with LoRA or QLoRA."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from peft import LoraConfig, PeftConfig
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rewards.models import load as models
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
    if settings.quantize and not torch.cuda.is_available():
        raise UserError("policy.quantize", "bitsandbytes needs a GPU, and none is here; leave it out to run on the CPU")
    try:
        model, tokenizer, _ = models.load(
            path,
            dtype=settings.dtype,
            revision=settings.revision,
            trust_remote_code=settings.trust_remote_code,
            attention=settings.attention,
            quantize=settings.quantize,
        )
    except ValueError as error:
        raise UserError("policy.model", str(error)) from error
    if tokenizer.eos_token_id is None:
        raise UserError("policy.model", "the tokenizer has no end-of-text token, so no completion could ever end")
    if models.give_pad_token(model, tokenizer):
        notes.append(f"the tokenizer has no pad token; {tokenizer.eos_token!r} pads, hidden from attention and loss")
    tokenizer.padding_side = "left"
    if chat:
        _give_chat_template(tokenizer, settings.chat_template, notes)
    lora = None
    if settings.lora is not None:
        lora = _lora(settings, model, notes)
    elif model.config.get_text_config().tie_word_embeddings:
        notes.append("input embedding and output head are one matrix; they are trained and saved as one")
    return Policy(model, tokenizer, lora, notes)


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
