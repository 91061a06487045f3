r"""SFT on kept completions, as in STaR (arXiv:2203.14465) and RFT (arXiv:2308.01825), by TRL's `SFTTrainer`.

    L = - Σ_t w_t log π(y_t | x, y_<t) / |{t : w_t > 0}|

A weight w_t is 1 on the completion's tokens, `algorithm.wrong_step_weight` on those of steps that the verifier judged
wrong, and as in `algorithm.span_weights` on other parts; the lowest applies if several parts contain a token. On the
prompt's tokens it is `algorithm.prompt_weight`, 0 by default. Tokens of weight 0 have no label, and TRL's own trainer
does the rest; weights between 0 and 1 need `WeightedSftTrainer`, teachers `TaughtSftTrainer`, and a triplet loss
`TripletSftTrainer`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from datasets import Dataset
from transformers import PreTrainedTokenizerBase, PrinterCallback
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from rewards.models.prompts import prompt_ids
from rewards.sample import Sample
from rl.algorithms.distil import IGNORE, TaughtSftTrainer, taught
from rl.algorithms.fit import Fit
from rl.algorithms.triplet import TripletSftTrainer
from rl.algorithms.trl_arguments import drop_incomplete_batches, fit_arguments
from rl.algorithms.weighted import WeightedSftTrainer
from rl.config.algorithms import Sft
from rl.errors import UserError
from rl.examples.contrast import contrasts
from rl.examples.fade import faded
from rl.examples.hints import worth_learning
from rl.examples.keep import keep
from rl.examples.strategies import of_the_best
from verifiers.runtime.names import nearest


def examples(samples: Sequence[Sample], settings: Sft) -> tuple[list[Sample], dict[str, float]]:
    """The completions to imitate, and figures about them for the log.

    Args:
        samples: the judged samples of the pool.
        settings: the config's `algorithm` section.
    """
    best: dict[str, float] = {}
    if settings.strategies is not None and settings.strategies.keep == "best":
        samples, best = of_the_best(samples, permuted=settings.strategies.permuted)
    learnable = worth_learning(samples)
    kept = [one for one in learnable if one.ids]
    if settings.keep is not None:
        kept = keep(learnable, **settings.keep.model_dump())
    hinted = sum(one.hinted for one in kept)
    return kept, {"rounds/kept": len(kept), "rounds/hinted": hinted / max(len(kept), 1), **best}


def build(fit: Fit, examples: Sequence[Sample]) -> SFTTrainer:
    """TRL's trainer for one fit.

    Args:
        fit: the models, settings and folder of the fit.
        examples: the completions to imitate.

    Raises:
        UserError: TRL refuses the arguments, or a teacher cannot be asked about an example.
    """
    config = fit.config
    assert isinstance(config.algorithm, Sft)
    settings = config.algorithm
    own: dict[str, Any] = {"remove_unused_columns": not (settings.graded or settings.teacher or settings.triplet)}
    if settings.examples is not None and (fade := settings.examples.fade) is not None:
        examples = faded(examples, fade, fit.seed)
        own |= {"num_train_epochs": 1, "train_sampling_strategy": "sequential"}
    beside: list[dict[str, Any]] = [{} for _ in examples]
    if settings.teacher:
        whole = len(examples)
        examples, beside = taught(examples, fit.teachers, fit.tokenizer, fit.template_kwargs)
        if len(examples) < whole:
            left_out = f"{whole - len(examples):,} of {whole:,} completions have no right sibling to show the teacher"
            fit.warn(f"{left_out}; they are left out of the fit")
    if settings.triplet is not None:
        beside = contrasted(examples, fit)
    rows = [
        row(one, fit.tokenizer, weighted_spans(one, settings), settings.prompt_weight, fit.template_kwargs) | more
        for one, more in zip(examples, beside, strict=True)
    ]
    lengths = [len(one["input_ids"]) for one in rows]
    if config.trainer.get("packing") and config.trainer.get("max_length") is None:
        own["max_length"] = max(lengths)  # packing fills sequences of a given length
    prompts = [length - len(one.ids) for length, one in zip(lengths, examples, strict=True)]
    given = {"args": fit_arguments(SFTConfig, fit, lengths, prompts, **own), "train_dataset": Dataset.from_list(rows)}
    if settings.teacher:
        trainer = TaughtSftTrainer(fit.teachers, settings.nll_weight, **given, **fit.for_trl)
    elif settings.triplet is not None:
        trainer = TripletSftTrainer(settings.triplet, **given, **fit.for_trl)
    else:
        trainer = (WeightedSftTrainer if settings.graded else SFTTrainer)(**given, **fit.for_trl)
    drop_incomplete_batches(trainer, fit)
    trainer.remove_callback(PrinterCallback)
    return trainer


def contrasted(examples: Sequence[Sample], fit: Fit) -> list[dict[str, Any]]:
    """For each example the token ids of prompt and completion of its `positive` and `negative`; empty if it has none.

    Args:
        examples: the completions to imitate.
        fit: the fit, whose exam has the wrong completions.
    """
    found = contrasts(examples, fit.exam, fit.seed)
    if not any(found):
        fit.warn("no example has both another right completion and a wrong one, so the triplet loss has no effect")

    def ids(sample: Sample) -> list[int]:
        return prompt_ids(sample.prompt, fit.tokenizer, fit.template_kwargs) + sample.ids

    none: dict[str, list[int]] = {"positive": [], "negative": []}
    return [none if one is None else {"positive": ids(one.positive), "negative": ids(one.negative)} for one in found]


class WeightedSpan(NamedTuple):
    """A part of a completion, in characters, and the weight of its tokens."""

    start: int
    end: int
    weight: float


def weighted_spans(sample: Sample, settings: Sft) -> list[WeightedSpan]:
    """The parts of a completion that weigh less than the rest.

    Args:
        sample: the completion; it must be judged if wrong steps weigh less.
        settings: the config's `algorithm` section.

    Raises:
        UserError: a column of spans is missing, or does not hold spans.
    """
    found: list[WeightedSpan] = []
    if settings.wrong_step_weight < 1:
        wrong = (step for step in sample.steps if step.right is False)
        found += [WeightedSpan(step.start, step.end, settings.wrong_step_weight) for step in wrong]
    for span in settings.span_weights:
        if span.pattern is not None:
            matches = list(re.finditer(span.pattern, sample.text))
            ends = [match.span(1 if match.re.groups else 0) for match in matches]
        else:
            ends = _spans_in_column(sample, str(span.column))
        found += [WeightedSpan(start, end, span.weight) for start, end in ends if end > start]
    return found


def _spans_in_column(sample: Sample, name: str) -> list[tuple[int, int]]:
    value = sample.row.get(name)
    if value is None:
        if name in sample.row:  # a row without such parts
            return []
        raise UserError("algorithm.span_weights", f"no column {name!r}; {nearest(name, sample.row)}")
    try:
        return [(int(start), int(end)) for start, end in (json.loads(value) if isinstance(value, str) else value)]
    except (TypeError, ValueError):
        what = f"column {name!r} does not hold a list of [start, end] but {value!r}"
        raise UserError("algorithm.span_weights", what) from None


def row(
    sample: Sample,
    tokenizer: PreTrainedTokenizerBase,
    spans: Sequence[WeightedSpan] = (),
    prompt_weight: float = 0.0,
    template_kwargs: Mapping[str, Any] | None = None,
) -> dict[str, list[Any]]:
    """Token ids, labels and weights of a sample; tokens of weight 0 have no label.

    Args:
        sample: a completion to imitate.
        tokenizer: the policy's.
        spans: parts of the completion with their own weights; a token in several parts has the lowest. All other tokens
            of the completion have weight 1.
        prompt_weight: the weight of the prompt's tokens.
        template_kwargs: variables of the chat template, as they were at sampling.

    Returns:
        `input_ids`, `labels` and `weights`, each with one value per token of prompt and completion.
    """
    prompt, weights, start = prompt_ids(sample.prompt, tokenizer, template_kwargs), [], 0
    for place in range(len(sample.ids)):
        weight = 1.0
        if spans:
            end = len(tokenizer.decode(sample.ids[: place + 1], skip_special_tokens=True))
            weight = min([span.weight for span in spans if start < span.end and end > span.start], default=1.0)
            start = end
        weights.append(weight)
    ids, weights = prompt + sample.ids, [prompt_weight] * len(prompt) + weights
    labels = [token if weight else IGNORE for token, weight in zip(ids, weights, strict=True)]
    # tokens without a label never count, and a weight of 1 leaves TRL's own zeros there unchanged
    return {"input_ids": ids, "labels": labels, "weights": [weight or 1.0 for weight in weights]}
