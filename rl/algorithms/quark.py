r"""Quark: text generation conditioned on quantiles of a reward (Lu et al. 2022, arXiv:2205.13636), here with several
rewards, as in MaRio (Ramnath et al. 2024, arXiv:2311.02805), on TRL's `SFTTrainer`.

    L = Σ_t [ -log π(y_t | c, x, y_<t) + c_kl KL( π(· | c, x, y_<t) ‖ π_ref(· | x, y_<t) ) - c_ent H(π) ] / Σ_t 1

y is a completion from the pool of all samples, and c its control tokens: one for each reward, for the quantile of the
pool that contains the reward's value (`rl/examples/ranks.py`). All ranks are recomputed as the pool grows. A reward
acts through c alone: there is no advantage, no critic and no ratio. The reference is the policy that the run started
from, and sees no control tokens. KL and entropy leave them out as well, since both are over the vocabulary below them;
the negative log-likelihood is over the whole vocabulary, so that the policy learns not to write control tokens.

The first round samples without control tokens; later rounds and evaluations are conditioned on the best ones.

Where the authors' code differs from the papers, this module follows the papers: the policy starts where the reference
does (MaRio's code starts from the raw model, and only its reference from the supervised one); equal completions of a
prompt each count (the code's pool keeps one); and the vocabulary ends where the control tokens begin (in the code, at a
number that holds for T5). Each round's fit has its own optimizer and learning rate schedule, whereas the authors' span
the whole training; the adaptive weights of KL and entropy, off by default in their code, are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedTokenizerBase, PrinterCallback
from trl.trainer.sft_config import SFTConfig

from rewards.models.prompts import prompt_ids
from rewards.models.state import move
from rewards.models.types import Model
from rewards.sample import Sample
from rl.algorithms.distil import IGNORE, TaughtSftTrainer
from rl.algorithms.fit import Fit
from rl.algorithms.trl_arguments import drop_incomplete_batches, fit_arguments
from rl.config.algorithms import Quark
from rl.config.teachers import Teacher as TeacherSettings
from rl.examples.ranks import Ranked, ranked
from rl.policy.control import Control
from rl.policy.teachers import Teacher

LOGGED = {"teacher/nll": "nll", "teacher/reverse": "kl"}
"""Metric of a fit with teachers → its name in the papers."""


def examples(samples: Sequence[Sample], settings: Quark) -> tuple[list[Ranked], dict[str, float]]:
    """The samples of the pool that count, with their ranks; and figures for the log.

    Args:
        samples: the whole pool, judged.
        settings: the config's `algorithm` section.
    """
    newest = max(one.round for one in samples)
    return ranked(samples, settings.control, settings.at_least, newest)


def build(fit: Fit, examples: Sequence[Ranked]) -> QuarkTrainer:
    """The trainer for one fit.

    Args:
        fit: the models, settings and folder of the fit.
        examples: ranked samples of the pool.

    Raises:
        UserError: TRL refuses the arguments.
    """
    settings = fit.config.algorithm
    assert isinstance(settings, Quark) and fit.reference is not None
    rows = [row(one, fit.control, fit.tokenizer, fit.template_kwargs) for one in examples]
    lengths, prompts = [len(one["input_ids"]) for one in rows], [len(one["teacher_0"]) for one in rows]
    trainer = QuarkTrainer(
        fit.reference,
        settings,
        None if fit.control is None else fit.control.first,
        args=fit_arguments(SFTConfig, fit, lengths, prompts, remove_unused_columns=False),
        train_dataset=Dataset.from_list(rows),
        **fit.for_trl,
    )
    drop_incomplete_batches(trainer, fit)
    trainer.remove_callback(PrinterCallback)
    return trainer


def row(
    one: Ranked, control: Control | None, tokenizer: PreTrainedTokenizerBase, template_kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Token ids, labels and weights of a ranked sample, and what the reference reads before its completion.

    Args:
        one: the sample with its ranks.
        control: the policy's control tokens; None for none.
        tokenizer: the policy's.
        template_kwargs: variables of the chat template, as they were at sampling.
    """
    plain = prompt_ids(one.sample.prompt, tokenizer, template_kwargs)
    told = plain if control is None else control.on(control.of(one.ranks)).put(plain)
    ids = told + one.sample.ids
    return {
        "input_ids": ids,
        "labels": [IGNORE] * len(told) + one.sample.ids,
        "weights": [1.0] * len(ids),
        "completion_tokens": len(one.sample.ids),
        "teacher_0": plain,
    }


class QuarkTrainer(TaughtSftTrainer):
    """The loss of the module's docstring: a fit whose teacher is the reference, minus the weighted entropy.

    Args:
        reference: the reference policy.
        settings: the config's `algorithm` section.
        vocabulary: number of tokens below the control tokens; None if there are none.
        arguments: TRL's own keyword arguments.
    """

    def __init__(self, reference: Model, settings: Quark, vocabulary: int | None, **arguments: Any) -> None:
        how = TeacherSettings(model="base", direction="reverse", weight=settings.kl or 1.0)
        super().__init__([Teacher(how, reference)] if settings.kl else [], 1.0, **arguments)
        move(reference, self.accelerator.device)
        self.vocabulary, self.entropy_weight = vocabulary, settings.entropy

    def beside(self, student_NV: Tensor) -> Tensor | float:
        """The entropy bonus of each token's distribution, as a negative loss."""
        with torch.set_grad_enabled(self.entropy_weight > 0):
            logprobs_NV = student_NV[:, : self.vocabulary].float().log_softmax(-1)
            entropy_N = -(logprobs_NV.exp() * logprobs_NV).sum(-1)
        self._record("entropy", entropy_N)
        return -self.entropy_weight * entropy_N

    def _record(self, name: str, values_N: Tensor) -> None:
        super()._record(LOGGED.get(name, name), values_N)
