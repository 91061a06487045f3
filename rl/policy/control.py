"""Control tokens of a policy: new special tokens with their own embeddings, added to a prompt to condition the policy.

They are never sampled: the policy's generation config suppresses them, so plain transformers never samples them either.
A policy that was saved with them has `control.json` next to its weights, with its best tokens and their place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rewards.models.prompts import beginning
from rl.config.control import Control as ControlSettings
from rl.errors import UserError

FILE = "control.json"
KEY = "algorithm.control.tokens"


@dataclass(frozen=True)
class Conditioned:
    """The control tokens of prompts.

    Attributes:
        tokens: ids of the tokens to add to a prompt.
        place: where they are put, as in the config.
        bos: the token that every text starts with; None for none.
        never: ids of all control tokens, none of which is sampled.
    """

    tokens: Sequence[int]
    place: str
    bos: int | None
    never: Sequence[int]

    def put(self, prompt: list[int]) -> list[int]:
        """A prompt's token ids with the control tokens after them, or before them but after the BOS token."""
        if self.place == "completion":
            return [*prompt, *self.tokens]
        start = 1 if self.bos is not None and prompt[:1] == [self.bos] else 0
        return [*prompt[:start], *self.tokens, *prompt[start:]]


@dataclass(frozen=True)
class Control:
    """The control tokens of a policy.

    Attributes:
        ids: reward → token ids, the best one first.
        place: where they are put, as in the config.
        bos: the token that every prompt starts with; None for none.
    """

    ids: Mapping[str, Sequence[int]]
    place: str
    bos: int | None = None

    @property
    def first(self) -> int:
        """The lowest id; the ids of all control tokens are consecutive from there."""
        return min(min(ids) for ids in self.ids.values())

    @property
    def all(self) -> list[int]:
        """Every control token."""
        return sorted(token for ids in self.ids.values() for token in ids)

    def of(self, ranks: Mapping[str, int]) -> list[int]:
        """The tokens of a sample.

        Args:
            ranks: reward → rank, 1 for the best; the tokens are in its order.
        """
        return [self.ids[name][rank - 1] for name, rank in ranks.items()]

    def best(self, names: Iterable[str]) -> list[int]:
        """The best token of each of some rewards."""
        return [self.ids[name][0] for name in names]

    def worst(self, names: Iterable[str]) -> list[int]:
        """The worst token of each of some rewards."""
        return [self.ids[name][-1] for name in names]

    def on(self, tokens: Sequence[int]) -> Conditioned:
        """The settings for prompts with some of the tokens, or with none."""
        return Conditioned(tokens, self.place, self.bos, self.all)


def names_of(settings: ControlSettings) -> dict[str, list[str]]:
    """Reward → its tokens as text, the best one first, such as `<consistency_1>`.

    Args:
        settings: the section `algorithm.control`.
    """
    return {name: [f"<{name}_{rank}>" for rank in range(1, settings.count(name) + 1)] for name in settings.tokens}


def new_control(
    settings: ControlSettings, model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, seed: int
) -> Control | None:
    """Give a policy its control tokens; None if there are none.

    Args:
        settings: the section `algorithm.control`.
        model: the policy; it is changed.
        tokenizer: the policy's; it is changed.
        seed: seed for the new embeddings.

    Raises:
        UserError: the policy has adapters, or its tokenizer already has one of the tokens.
    """
    if not settings.tokens:
        return None
    if isinstance(model, PeftModel):
        what = "its adapters freeze embeddings, but those of control tokens must be learnt; merge the adapters first"
        raise UserError("policy.model", what)
    control = add_tokens(settings, tokenizer)
    add_embeddings(model, control, seed)
    return control


def add_tokens(settings: ControlSettings, tokenizer: PreTrainedTokenizerBase) -> Control:
    """Add control tokens to a tokenizer.

    Args:
        settings: the section `algorithm.control`.
        tokenizer: the policy's; it is changed.

    Raises:
        UserError: the tokenizer already has one of them.
    """
    names = names_of(settings)
    there = tokenizer.get_vocab()
    if known := next((token for tokens in names.values() for token in tokens if token in there), None):
        raise UserError(KEY, f"the policy's tokenizer already has {known}; start from a policy without control tokens")
    tokenizer.add_tokens([token for tokens in names.values() for token in tokens], special_tokens=True)
    return Control({name: _ids(tokens, tokenizer) for name, tokens in names.items()}, settings.place, _bos(tokenizer))


def add_embeddings(model: PreTrainedModel, control: Control, seed: int) -> None:
    """Give a model rows for control tokens, and keep it from sampling them.

    Each new row is drawn from a normal distribution with the mean and the standard deviation of the existing rows in
    each dimension; the same holds for a separate output head.

    Args:
        model: the policy; it is changed.
        control: the control tokens.
        seed: seed for the draws.
    """
    rows = control.all[-1] + 1
    if _weight(model.get_input_embeddings()).shape[0] < rows:
        model.resize_token_embeddings(rows, mean_resizing=False)
    matrices = [_weight(model.get_input_embeddings()), _weight(model.get_output_embeddings())]
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight_VH in matrices[:1] if matrices[0] is matrices[1] else matrices:
            known_VH = weight_VH[: control.first].float().cpu()
            mean_H, std_H = known_VH.mean(0), known_VH.std(0, correction=0)
            drawn = torch.randn(len(control.all), len(mean_H), generator=generator)
            weight_VH[control.first : rows] = (mean_H + std_H * drawn).to(weight_VH)
    assert model.generation_config is not None
    model.generation_config.suppress_tokens = control.all


def _weight(module: Any) -> Tensor:
    return module.weight


def _ids(tokens: list[str], tokenizer: PreTrainedTokenizerBase) -> list[int]:
    return cast(list[int], tokenizer.convert_tokens_to_ids(tokens))


def _bos(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The token that every text starts with, if there is one."""
    return (beginning(tokenizer) or [None])[0]


def save(folder: Path, control: Control, names: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> None:
    """Save the best tokens of a saved policy, and their place.

    Args:
        folder: the folder of the policy.
        control: its control tokens.
        names: the rewards whose tokens are in use, in the order of the tokens.
        tokenizer: the policy's.
    """
    best, worst = (tokenizer.convert_ids_to_tokens(ids) for ids in (control.best(names), control.worst(names)))
    every = tokenizer.convert_ids_to_tokens(control.all)
    said = {"place": control.place, "best": best, "worst": worst, "all": every}
    (folder / FILE).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def saved(folder: str | Path, tokenizer: PreTrainedTokenizerBase) -> Conditioned | None:
    """The best tokens of a policy that was saved with control tokens; None for any other.

    Args:
        folder: the folder of the policy, or a hub id.
        tokenizer: the policy's.
    """
    file = Path(folder) / FILE
    if not file.is_file():
        return None
    said = json.loads(file.read_text(encoding="utf-8"))
    return Conditioned(_ids(said["best"], tokenizer), said["place"], _bos(tokenizer), _ids(said["all"], tokenizer))
