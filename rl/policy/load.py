"""Loads the policy: a causal language model from a path or the hub, or the embedded one; also with LoRA or QLoRA."""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import torch
from jinja2 import TemplateError, TemplateSyntaxError
from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rewards.models import load as models
from rewards.models.types import Model
from rl.config import Policy as PolicySettings
from rl.errors import UserError
from rl.policy.control import Control
from verifiers.runtime.names import nearest

TIED = ("lm_head", "embed_tokens", "wte", "embed_in", "embed_out")
"""Module names of input embeddings and output heads."""
PLAIN_CHAT = (
    "{% for message in messages %}{{ message['role'] | capitalize }}: {{ message['content'] }}\n\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""Chat template for a tokenizer that has none."""


@dataclass(frozen=True)
class Policy:
    """A loaded policy.

    Attributes:
        model: the causal language model; it has adapters if `policy.model` is a folder of adapters.
        tokenizer: its tokenizer, with a pad token.
        path: the folder or hub id that it was loaded from.
        lora: adapters that the trainer is to add; None for full training, or if the model already has adapters.
        notes: messages to the user about what was missing and how it was handled.
        control: the control tokens that it learns to be conditioned on; None for none.
    """

    model: PreTrainedModel | PeftModel
    tokenizer: PreTrainedTokenizerBase
    path: str
    lora: PeftConfig | None = None
    notes: list[str] = field(default_factory=list)
    control: Control | None = None


def load(settings: PolicySettings, path: str | Path, *, chat: bool) -> Policy:
    """Load the policy and prepare it for training.

    Args:
        settings: the config's `policy` section.
        path: a folder or hub id; for the embedded policy, the folder of the warm start.
        chat: whether prompts are chat messages.

    Raises:
        UserError: there is no such model, it is not a causal language model, or a setting does not fit it.
    """
    notes: list[str] = []
    path = Path(path).expanduser() if str(path).startswith("~") else path
    if settings.quantize and find_spec("bitsandbytes") is None:
        raise UserError("policy.quantize", "needs bitsandbytes, which is not installed; pip install bitsandbytes")
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
    _refuse_broken(model, path)
    if tokenizer.eos_token_id is None:
        raise UserError("policy.model", "the tokenizer has no end-of-text token, so no completion could ever end")
    if models.give_pad_token(model, tokenizer):
        notes.append(f"the tokenizer has no pad token; {tokenizer.eos_token!r} is used, hidden from attention and loss")
    tokenizer.padding_side = "left"
    if chat:
        _give_chat_template(tokenizer, settings.chat_template, notes)
    lora = None
    if isinstance(model, PeftModel):
        notes.append(_goes_on(settings, path, model))
    elif settings.lora is not None:
        lora = _lora(settings, model, notes)
    elif model.config.get_text_config().tie_word_embeddings:
        notes.append("input embedding and output head are one matrix; they are trained and saved as one")
    return Policy(model, tokenizer, str(path), lora, notes)


def _refuse_broken(model: Model, path: str | Path) -> None:
    """Refuse weights that are NaN or infinite, as a training that diverged leaves them: nothing could be sampled."""
    for name, weight in model.named_parameters():
        if weight.dtype in (torch.float32, torch.bfloat16, torch.float16) and not bool(weight.isfinite().all()):
            what = f"{str(path)!r} has weights that are NaN or infinite, in {name}; take an earlier checkpoint"
            raise UserError("policy.model", what)


def _give_chat_template(tokenizer: PreTrainedTokenizerBase, file: str | None, notes: list[str]) -> None:
    if file is not None:
        if not Path(file).is_file():
            raise UserError("policy.chat_template", f"no file {file!r}")
        tokenizer.chat_template = Path(file).read_text(encoding="utf-8")
        try:
            tokenizer.apply_chat_template([{"role": "user", "content": "?"}], tokenize=False)
        except TemplateSyntaxError as error:
            raise UserError("policy.chat_template", f"{file}:{error.lineno}: {error.message}") from None
        except TemplateError:  # a template may require, for example, a system message, which the data may have
            pass
    elif tokenizer.chat_template is None:
        tokenizer.chat_template = PLAIN_CHAT
        notes.append("the tokenizer has no chat template; messages are laid out as 'User: …' and 'Assistant:'")


def _goes_on(settings: PolicySettings, path: str | Path, model: PeftModel) -> str:
    """The note about a policy that already has adapters."""
    own = model.active_peft_config
    note = f"{str(path)!r} is an adapter of {own.base_model_name_or_path!r}, and its training continues"
    if settings.lora is None:
        return note
    pairs = {"r": "r", "alpha": "lora_alpha", "dropout": "lora_dropout"}
    differ = [
        f"{name} {getattr(own, theirs, None)}"
        for name, theirs in pairs.items()
        if getattr(own, theirs, None) != getattr(settings.lora, name)
    ]
    return f"{note} with its own {', '.join(differ)}, not with those of policy.lora" if differ else note


def _lora(settings: PolicySettings, model: PreTrainedModel, notes: list[str]) -> LoraConfig:
    wanted = settings.lora
    assert wanted is not None
    targets = _targets(wanted.targets, model)
    modules = [name for name, _ in model.named_modules()]
    for name in wanted.modules_to_save:
        if not _named(name, modules):
            raise UserError("policy.lora.modules_to_save", _no_module(name, modules))
    named = [*([targets] if isinstance(targets, str) else targets), *wanted.modules_to_save]
    tied = model.config.get_text_config().tie_word_embeddings
    touches_head = any(name.rpartition(".")[2] in TIED for name in named)
    if tied and touches_head:
        notes.append("input embedding and output head are one matrix; what is trained of one is shared with the other")
    config = LoraConfig(
        r=wanted.r,
        lora_alpha=wanted.alpha,
        lora_dropout=wanted.dropout,
        target_modules=targets,
        modules_to_save=wanted.modules_to_save or None,
        ensure_weight_tying=tied and touches_head,
        revision=settings.revision,
        task_type="CAUSAL_LM",
    )
    _try(config, model)
    return config


def _targets(targets: str | list[str], model: PreTrainedModel) -> str | list[str]:
    """The target modules by peft's rules: `all-linear`, names, or a regular expression that matches whole names."""
    modules = [name for name, _ in model.named_modules()]
    if targets in ("all-linear", ["all-linear"]):
        return "all-linear"
    if isinstance(targets, str) and not _named(targets, modules):
        try:
            matched = any(re.fullmatch(targets, name) for name in modules)
        except re.error as error:
            raise UserError("policy.lora.targets", f"{targets!r} is not a regular expression: {error}") from None
        if not matched:
            raise UserError("policy.lora.targets", _no_module(targets, modules))
        return targets
    names = [targets] if isinstance(targets, str) else targets
    if "all-linear" in names:
        raise UserError("policy.lora.targets", "all-linear cannot be combined with other names")
    for name in names:
        if not _named(name, modules):
            raise UserError("policy.lora.targets", _no_module(name, modules))
    return names


def _named(name: str, modules: Sequence[str]) -> bool:
    """Whether a name is the full name of a module, or its last parts."""
    return bool(name) and any(module == name or module.endswith(f".{name}") for module in modules)


def _no_module(name: str, modules: Sequence[str]) -> str:
    return (
        f"the model has no module {name!r}; {nearest(name, {module.rpartition('.')[2] for module in modules} - {''})}"
    )


def _try(config: LoraConfig, model: PreTrainedModel) -> None:
    """Add the adapters to a model of the same shape without weights, to get peft's errors early."""
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            get_peft_model(type(model)(model.config), copy.deepcopy(config))
        except (ValueError, TypeError, AttributeError, RuntimeError) as error:
            said = re.sub(r"\(\n.*\n\)", "", str(error), flags=re.DOTALL)  # peft prints all that is in a module
            raise UserError("policy.lora", said.strip().splitlines()[0]) from error
