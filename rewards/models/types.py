"""Types of models and tokenizers: short names for the libraries' own types, and protocols for what these lack.

Import it under `TYPE_CHECKING` in modules that must not import torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

Tokenizer = PreTrainedTokenizerBase
Model = PreTrainedModel | PeftModel
"""A transformers model, which may be wrapped with its adapter."""
Pair = tuple[Model, Tokenizer]
Source = Callable[[], Pair]
"""Returns the current model and its tokenizer."""


class Head(Protocol):
    """A module with the interface of a transformers model that returns logits.

    Attributes:
        config: has the numbers of labels and positions.
        training: whether dropout is on.
    """

    config: Any
    training: bool

    @property
    def device(self) -> torch.device:
        """The device of its inputs."""
        ...

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """An output with `logits`."""
        ...

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The function that a call runs; its parameters are the accepted arguments."""
        ...

    def eval(self) -> object:
        """Switch to evaluation mode."""
        ...

    def train(self, mode: bool = True) -> object:
        """Switch to training mode, or to evaluation mode if false."""
        ...


class Generates(Protocol):
    """A model with `generate`, which transformers adds to its models without declaring it in their type."""

    def generate(self, **arguments: Any) -> torch.Tensor:
        """Token ids of prompts and completions, (B, P + T)."""
        ...


Classifier = Model | Head
"""A model that returns logits for a text."""
