"""Functions that DPO and ORPO share: they choose the pairs, and make the rows that TRL's trainers take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PreTrainedTokenizerBase

from rewards.models.prompts import prompt_ids, render
from rewards.sample import Sample
from rl.algorithms.fit import Fit
from rl.algorithms.trl_arguments import leaves_a_completion
from rl.config.algorithms import Dpo, Orpo
from rl.examples.pairs import Pair, pairs


def examples(samples: Sequence[Sample], settings: Dpo | Orpo) -> tuple[list[Pair], dict[str, float]]:
    """The pairs to fit on, and figures about them for the log.

    Args:
        samples: the judged samples of the pool.
        settings: the config's `algorithm` section.
    """
    chosen = pairs(samples, **settings.pairs.model_dump())
    return chosen, {"rounds/pairs": len(chosen)}


def pair_length(row: Mapping[str, Any]) -> int:
    """Tokens of a pair's longer sequence, the prompt included.

    Args:
        row: as `pair_rows` returns it.
    """
    return len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))


def learnable(rows: Sequence[dict[str, Any]], fit: Fit) -> list[dict[str, Any]]:
    """The rows of whose completions `trainer.max_length` leaves a token.

    The others teach nothing, and ORPO's mean over no token is NaN. TRL leaves them out as well, for prompts that it
    tokenizes itself.

    Args:
        rows: as `pair_rows` returns them.
        fit: the fit, whose `trainer` section may have `max_length`.
    """
    return [row for row in rows if leaves_a_completion(len(row["prompt_ids"]), fit.trainer)]


def pair_rows(
    pairs: Sequence[Pair], tokenizer: PreTrainedTokenizerBase, template_kwargs: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Pairs as sampled tokens, so that no text is tokenized again and a truncated completion gets no end token.

    Args:
        pairs: pairs of judged samples.
        tokenizer: the policy's.
        template_kwargs: variables of the chat template, as they were at sampling.

    Returns:
        For each pair a row with `prompt`, `chosen` and `rejected` as text, and with the suffix `_ids` as token ids.
    """
    return [
        {
            "prompt": render(pair.chosen.prompt, tokenizer, template_kwargs).text,
            "chosen": pair.chosen.text,
            "rejected": pair.rejected.text,
            "prompt_ids": prompt_ids(pair.chosen.prompt, tokenizer, template_kwargs),
            "chosen_ids": pair.chosen.ids,
            "rejected_ids": pair.rejected.ids,
        }
        for pair in pairs
    ]
