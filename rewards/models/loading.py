"""Models that judge: loaded once, frozen, shared by the rewards that name the same one, and fed in batches.

A reward asks for its model by calling: what it holds is a function that gives (model, tokenizer). A frozen model is
always the same pair; the policy is given as it is at the time of the call. So one reward serves both.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    T5EncoderModel,
)

from rewards.parts.context import Context
from rewards.reward import Text
from verifiers.runtime.names import nearest

Pair = tuple[Any, Any]
"""(model, tokenizer)."""
Source = Callable[[], Pair]
"""Gives the model and its tokenizer as they are now."""

HEADS = {
    "causal": AutoModelForCausalLM,
    "encoder_decoder": AutoModelForSeq2SeqLM,
    "sequence": AutoModelForSequenceClassification,
    "token": AutoModelForTokenClassification,
    "t5_encoder": T5EncoderModel,
}
"""What a model is asked for → the class that loads it."""
BATCH_TOKENS = 16_384
"""Tokens in a batch, padding and all; one text that is longer goes alone."""
MAX_TOKENS = 4096
"""Tokens of one text that a model is given at most; less where the model itself has less room."""


def source(
    settings: Mapping[str, Any],
    context: Context,
    head: str,
    *,
    policy: bool = False,
    purpose: str = "a path or a hub id",
) -> Source:
    """The model that a reward's part of the config names.

    Args:
        settings: its `model`: a path, a hub id, or `policy`; and its options `dtype`, `device`, `revision` and
            `trust_remote_code`.
        context: gives the policy.
        head: a key of `HEADS`.
        policy: whether the reward can do with the policy, which changes while it is trained.
        purpose: what the model is and does, for the error.

    Raises:
        ValueError: there is none, or it does not fit; the message says what to name.
    """
    name, options = settings.get("model"), settings.get("options") or {}
    if not name:
        raise ValueError(f"model: is needed: {purpose}{', or `policy`' if policy else ''}")
    if name == "policy":
        if not policy:
            raise ValueError("model: policy is no frozen model, and this reward needs one; name a path or a hub id")
        if context.policy is None:
            raise ValueError("model: policy needs a policy, and there is none here; name a path or a hub id")
        return context.policy
    return frozen(str(name), head, **{key: options[key] for key in LOADING if key in options})


LOADING = ("dtype", "device", "revision", "trust_remote_code")
"""Options of every reward that loads a model."""


def frozen(
    name: str,
    head: str = "causal",
    *,
    dtype: str = "auto",
    device: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> Source:
    """A model from a path or the hub, in evaluation mode and without gradients; equal calls share one.

    Args:
        name: the path or hub id.
        head: a key of `HEADS`.
        dtype: `float32`, `bfloat16`, `float16`; `auto` keeps the stored type on a GPU, and is float32 on a CPU.
        device: by default this process's GPU, or the CPU.
        revision: of the hub.
        trust_remote_code: whether code that comes with the model may run.

    Raises:
        ValueError: it cannot be loaded, has another head, or its tokenizer does not fit.
    """
    files = sorted(Path(name).iterdir()) if Path(name).is_dir() else []
    written = tuple(file.stat().st_mtime_ns for file in files)  # a folder that was written again is another model
    pair = _loaded(name, head, dtype, device or default_device(), revision, trust_remote_code, written)
    return lambda: pair


@functools.lru_cache(maxsize=16)
def _loaded(
    name: str, head: str, dtype: str, place: str, revision: str | None, trust: bool, written: tuple[int, ...]
) -> Pair:
    where: dict[str, Any] = {"revision": revision, "trust_remote_code": trust}
    if dtype == "auto" and place == "cpu":
        dtype = "float32"
    if dtype != "auto" and not isinstance(getattr(torch, dtype, None), torch.dtype):
        raise ValueError(f"dtype: no {dtype!r}; {nearest(dtype, ['auto', 'float32', 'bfloat16', 'float16'])}")
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **where)
        model, report = HEADS[head].from_pretrained(
            name, dtype=dtype if dtype == "auto" else getattr(torch, dtype), output_loading_info=True, **where
        )
    except (OSError, ValueError, ImportError) as error:
        raise ValueError(f"the model {name!r} could not be loaded: {str(error).strip().splitlines()[0]}") from error
    if missing := sorted(report["missing_keys"]):
        raise ValueError(
            f"the model {name!r} has no weights for {missing[0]}: it was not trained for {head}, and a head drawn at "
            f"random would judge"
        )
    check_fit(model, tokenizer, name)
    if model.config.get_text_config().pad_token_id is None:  # sequence heads look for the last token that is no pad
        model.config.get_text_config().pad_token_id = model.config.pad_token_id = pad_id(tokenizer)
    model.requires_grad_(False)
    return model.eval().to(place), tokenizer


def check_fit(model: Any, tokenizer: Any, name: str) -> None:
    """Check that every token has an embedding.

    Raises:
        ValueError: the tokenizer has more tokens than the embedding has rows.
    """
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ValueError(
            f"the tokenizer of {name!r} has {len(tokenizer)} tokens and its embedding only {rows} rows: they do not "
            f"belong together"
        )


def default_device() -> str:
    """This process's GPU, or the CPU."""
    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"


def pad_id(tokenizer: Any) -> int:
    """A token to pad with; it is masked, so any will do."""
    for token in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if token is not None:
            return token
    return 0


def room(model: Any, limit: int = MAX_TOKENS) -> int:
    """Tokens of one text that the model is given at most."""
    config = model.config.get_text_config()
    return min(limit, getattr(config, "max_position_embeddings", None) or limit)


@contextmanager
def judging(model: Any) -> Iterator[None]:
    """The model in evaluation mode and without gradients, and afterwards as it was."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():  # not inference mode: what a policy keeps of it could not be trained on
            yield
    finally:
        model.train(was_training)


def prompt_text(prompt: Text, tokenizer: Any) -> str:
    """The prompt as the model reads it: a string as it is, chat messages by the tokenizer's chat template."""
    if isinstance(prompt, str):
        return prompt
    messages = [dict(message) for message in prompt]
    if getattr(tokenizer, "chat_template", None) is None:
        return "\n".join(str(message["content"]) for message in messages) + "\n"
    return tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)


def encode(text: str, tokenizer: Any) -> list[int]:
    """Token ids, with the tokenizer's own beginning of text where the text does not have it already, and no end."""
    start = beginning(tokenizer)
    if start and text.startswith(tokenizer.bos_token):
        start = []
    return start + tokenizer(text, add_special_tokens=False)["input_ids"]


def beginning(tokenizer: Any) -> list[int]:
    """The token that the tokenizer puts before every text, if it does."""
    empty = tokenizer("")["input_ids"]
    bos = getattr(tokenizer, "bos_token_id", None)
    return [bos] if bos is not None and empty[:1] == [bos] else []


def one_token(text: str, tokenizer: Any, what: str) -> int:
    """The id of a text that has to be a single known token.

    Raises:
        ValueError: it is not.
    """
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    # SentencePiece may set a bare space token before the first word
    known = [i for i in ids if tokenizer.decode([i]).strip()]
    if len(known) != 1 or known[0] == tokenizer.unk_token_id:
        raise ValueError(f"{what} {text!r} is not one token of this tokenizer: it gives {ids}")
    return known[0]


def batches(lengths: Sequence[int], budget: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Indices in batches of similar length, whose padded size stays under a budget of tokens."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def padded(rows: Sequence[Sequence[int]], pad: int, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and their mask, padded on the right, both (B, T)."""
    longest = max(len(row) for row in rows)
    ids_BT = torch.full((len(rows), longest), pad, dtype=torch.long)
    mask_BT = torch.zeros((len(rows), longest), dtype=torch.long)
    for row, ids in enumerate(rows):
        ids_BT[row, : len(ids)] = torch.tensor(ids, dtype=torch.long)
        mask_BT[row, : len(ids)] = 1
    return ids_BT.to(device), mask_BT.to(device)


def fingerprint(model: Any) -> str:
    """What tells one set of weights from another: a hash of every parameter's name, shape and sums."""
    digest = hashlib.blake2b(digest_size=12)
    with torch.no_grad():
        for name, weight in model.state_dict().items():
            if weight.is_floating_point():
                flat = weight.detach().double().flatten()
                sums = (flat.sum().item(), flat.square().sum().item(), flat[:: max(1, len(flat) // 97)].tolist())
                digest.update(f"{name} {tuple(weight.shape)} {sums}".encode())
    return digest.hexdigest()
