"""What the model layer calls a model and a tokenizer: the libraries' own types, under one name each.

Import it under `TYPE_CHECKING` where a module must not wait for torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

Tokenizer = PreTrainedTokenizerBase
Model = PreTrainedModel | PeftModel
"""A transformers model, perhaps inside the wrapper of its adapter."""
Pair = tuple[Model, Tokenizer]
Source = Callable[[], Pair]
"""Gives a model and its tokenizer as they are now."""


class Head(Protocol):
    """A module that is no transformers model and gives logits like one.

    Attributes:
        config: says how many labels and positions there are.
        training: whether dropout is on.
    """

    config: Any
    training: bool

    @property
    def device(self) -> torch.device:
        """Where its inputs go."""
        ...

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """An output with `logits`."""
        ...

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What a call runs; its parameters say which arguments it takes."""
        ...

    def eval(self) -> object:
        """Switch to evaluation mode."""
        ...

    def train(self, mode: bool = True) -> object:
        """Switch to training mode, or out of it."""
        ...


class Generates(Protocol):
    """A model that continues texts; transformers mixes `generate` into its classes without naming it in their type."""

    def generate(self, **arguments: Any) -> torch.Tensor:
        """Token ids of prompts and completions, (B, P + T)."""
        ...


Classifier = Model | Head
"""What gives logits for a text."""
