"""The number of tokens that a model can read: by its positions, its tokenizer's limit and the user's."""

from __future__ import annotations

from torch import nn

from rewards.models.types import Classifier, Model, Tokenizer

MAX_TOKENS = 4096
"""Largest number of tokens of a text for a model that judges; fewer if the model has fewer positions."""


def room(model: Classifier, limit: int = MAX_TOKENS) -> int:
    """Largest number of tokens of a text for a model that judges.

    Args:
        model: the model, whose config has the number of positions.
        limit: upper bound, whatever the model's positions.
    """
    return min(limit, positions(model) or limit)


def positions(model: Classifier) -> int | None:
    """The number of positions in a model's config; None if it has none."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None) or None


def learnt_positions(model: Model) -> int | None:
    """The number of learnt position embeddings, beyond which a model fails; None if it has none.

    With rotary or relative positions, a longer text runs, although the model was not trained on such lengths.
    """
    tables = [
        module.num_embeddings
        for name, module in model.named_modules()
        if isinstance(module, nn.Embedding) and ("position" in (last := name.rpartition(".")[2]) or last == "wpe")
        and "relative" not in name
    ]  # fmt: skip
    limit = positions(model)
    # some tables have unused rows, such as the first two of OPT
    return None if not tables else min(*tables, limit) if limit else min(tables)


def most_tokens(model: Classifier, tokenizer: Tokenizer, longest: int | None) -> int:
    """Largest number of tokens for a model that judges, by the model, its tokenizer and the user's limit.

    Args:
        model: the model.
        tokenizer: its tokenizer.
        longest: the user's limit; None for none.
    """
    most = min(room(model), tokenizer.model_max_length)
    return most if longest is None else min(most, longest)
