"""How many tokens a model can read: what it has positions for, and what its tokenizer and its user say."""

from __future__ import annotations

from torch import nn

from rewards.models.types import Classifier, Model, Tokenizer

MAX_TOKENS = 4096
"""Tokens of one text that a judging model is given at most; fewer where the model itself has fewer positions."""


def room(model: Classifier, limit: int = MAX_TOKENS) -> int:
    """Tokens of one text that a judging model is given at most."""
    return min(limit, positions(model) or limit)


def positions(model: Classifier) -> int | None:
    """Positions that a model was made for, as its config says; None where it says nothing."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None) or None


def learnt_positions(model: Model) -> int | None:
    """Positions beyond which a model breaks, since each has an embedding of its own; None where it has no such table.

    With rotary or relative positions a longer text runs, though the model was not trained on its length.
    """
    tables = [
        module.num_embeddings
        for name, module in model.named_modules()
        if isinstance(module, nn.Embedding) and ("position" in (last := name.rpartition(".")[2]) or last == "wpe")
        and "relative" not in name
    ]  # fmt: skip
    limit = positions(model)
    # some tables have rows that no text reaches, such as OPT's first two
    return None if not tables else min(*tables, limit) if limit else min(tables)


def most_tokens(model: Classifier, tokenizer: Tokenizer, longest: int | None) -> int:
    """Tokens that a judging model reads at most: its room, what its tokenizer says, and what the config says."""
    most = min(room(model), tokenizer.model_max_length)
    return most if longest is None else min(most, longest)
