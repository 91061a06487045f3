r"""Distillation: a fit that learns a teacher's distribution over the next token, at each token of a completion.

    L = Σ_t w_t [ c_nll · (-log p_S(y_t)) + Σ_k c_k T_k² D_k(t) ] / |{t : w_t > 0}|

p_S is the student's distribution after x and y_<t, and p_k is that of teacher k after its own prompt (x, or
`teacher.prompt`) and y_<t, both softened by the temperature T_k (logits divided by T_k). The factor T² preserves the
size of the gradient (Hinton et al. 2015, arXiv:1503.02531, section 2). On given completions this is Mentor-KD's soft
labels (arXiv:2410.09037); on the student's own samples the divergences are those of generalised KD (Agarwal et al.
2024, arXiv:2306.13649, section 3.2):

    forward   KL(p_k ‖ p_S)
    reverse   KL(p_S ‖ p_k)
    jsd       β KL(p_k ‖ m) + (1 - β) KL(p_S ‖ m),   m = β p_k + (1 - β) p_S

w_t are the weights of the likelihood (`rl/algorithms/sft.py`). Prompts and padding have no label and count nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div
from transformers import PreTrainedTokenizerBase
from trl.trainer.sft_trainer import SFTTrainer

from rewards.models.batches import padded
from rewards.models.state import judging
from rewards.models.types import Model
from rewards.sample import Sample
from rl.algorithms.weighted import Collator, WeightedCollator
from rl.errors import UserError
from rl.policy.teachers import KEY, Teacher, shown_ids

IGNORE = -100


def divergence(
    student_NV: Tensor, teacher_NV: Tensor, direction: str = "forward", temperature: float = 1.0, beta: float = 0.5
) -> Tensor:
    """T² times the divergence of two distributions at each of N places, (N,), in nats.

    Args:
        student_NV: logits over the vocabulary.
        teacher_NV: logits over the same vocabulary, without gradients.
        direction: `forward`, `reverse` or `jsd`.
        temperature: T, by which both logits are divided.
        beta: share of the teacher in the mixture of `jsd`.
    """
    student, teacher = ((logits.float() / temperature).log_softmax(-1) for logits in (student_NV, teacher_NV))

    def kl(of: Tensor, to: Tensor) -> Tensor:
        return kl_div(to, of, reduction="none", log_target=True).sum(-1)

    if direction == "forward":
        found = kl(teacher, student)
    elif direction == "reverse":
        found = kl(student, teacher)
    else:
        shares = torch.tensor([beta, 1 - beta], device=student.device).log().view(2, 1, 1)
        mixture = torch.logsumexp(torch.stack([teacher, student]) + shares, dim=0)
        found = beta * kl(teacher, mixture) + (1 - beta) * kl(student, mixture)
    return temperature**2 * found


def taught(
    samples: Sequence[Sample],
    teachers: Sequence[Teacher],
    tokenizer: PreTrainedTokenizerBase,
    template_kwargs: Mapping[str, Any] | None = None,
) -> tuple[list[Sample], list[dict[str, Any]]]:
    """The samples that all teachers can be asked about, and the extra columns of their rows.

    Args:
        samples: completions to fit on.
        teachers: the teachers.
        tokenizer: the policy's.
        template_kwargs: variables of the chat template.

    Returns:
        The samples, without those that lack a right sibling which a teacher has to see; and for each of them
        `completion_tokens`, and `teacher_K`, what teacher K reads before the completion if it has its own prompt.

    Raises:
        UserError: as in `shown_ids`, or no sample is left.
    """
    read = [shown_ids(samples, teacher, tokenizer, template_kwargs) for teacher in teachers]
    columns = [
        {"completion_tokens": len(sample.ids)}
        | {f"teacher_{k}": ids[place] for k, ids in enumerate(read) if teachers[k].settings.prompt is not None}
        for place, sample in enumerate(samples)
    ]
    whole = [place for place in range(len(samples)) if all(ids[place] is not None for ids in read)]
    if not whole:
        raise UserError(KEY, f"prompt: none of {len(samples):,} completions has a right sibling to show")
    return [samples[place] for place in whole], [columns[place] for place in whole]


class TaughtSftTrainer(SFTTrainer):
    """TRL's trainer with teachers in the loss.

    The loss is our own, because TRL's never sees logits. The batch has `weights` (B, S) and, for each teacher with its
    own prompt, what it reads.

    Args:
        teachers: the teachers, at least one.
        nll_weight: weight of the negative log-likelihood.
        arguments: TRL's own keyword arguments.

    Raises:
        UserError: the policy is a mixture of experts, whose balancing loss TRL adds only in its own loss.
    """

    vocabulary: int | None = None
    """Number of tokens, the first of the vocabulary, over which divergences are taken; None for all."""

    def __init__(self, teachers: Sequence[Teacher], nll_weight: float, **arguments: Any) -> None:
        super().__init__(**arguments)
        if self.aux_loss_enabled:
            raise UserError(KEY, "excludes the balancing loss of experts; set trainer.router_aux_loss_coef: 0")
        self.teachers, self.nll_weight = list(teachers), nll_weight
        self.data_collator = TaughtCollator(self.data_collator, len(self.teachers))

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss of the module's docstring, over the tokens that have a label."""
        labels_BS, weights_BS = inputs["labels"][:, 1:], inputs["weights"][:, 1:]
        counts_BS = labels_BS != IGNORE
        read = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        outputs = model(**read, use_cache=False)
        student_NV = outputs.logits[:, :-1][counts_BS]
        labels_N, weights_N = labels_BS[counts_BS], weights_BS[counts_BS]
        nll_N = -student_NV.float().log_softmax(-1).gather(1, labels_N.unsqueeze(1)).squeeze(1)
        loss_N = self.nll_weight * nll_N + self.beside(student_NV)
        for number, teacher in enumerate(self.teachers):
            own = inputs.get(f"teacher_{number}")
            asked = teacher.model if teacher.model is not None else cast(Model, self.accelerator.unwrap_model(model))
            with judging(asked):
                logits_BSV = asked(**(own["read"] if own else read), use_cache=False).logits
            teacher_NV = logits_BSV[:, :-1][own["counts"][:, 1:] if own else counts_BS]
            # models may pad one vocabulary to two widths
            width = min(student_NV.shape[1], teacher_NV.shape[1], self.vocabulary or student_NV.shape[1])
            how = teacher.settings
            found_N = divergence(student_NV[:, :width], teacher_NV[:, :width], how.direction, how.temperature, how.beta)
            loss_N = loss_N + how.weight * found_N
            self._record(f"teacher/{how.direction}" + (f"_{number + 1}" if number else ""), found_N)
        self._record("teacher/nll", nll_N)
        self._record("mean_token_accuracy", (student_NV.argmax(-1) == labels_N).float())
        count = counts_BS.sum() if num_items_in_batch is None else num_items_in_batch
        loss = (weights_N * loss_N).sum() / torch.as_tensor(count).clamp(min=1)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # the tokens are those of all processes, as in TRL's own loss
        return (loss, outputs) if return_outputs else loss

    def beside(self, student_NV: Tensor) -> Tensor | float:
        """An additional loss of each token (N,), for losses that build on this one."""
        return 0.0

    def _record(self, name: str, values_N: Tensor) -> None:
        mine = torch.stack([values_N.detach().sum(), values_N.new_tensor(len(values_N))])
        sums = cast(Tensor, self.accelerator.gather(mine))
        total, count = sums.view(-1, 2).sum(0).tolist()
        self._metrics["train"][name].append(total / max(count, 1))


class TaughtCollator(WeightedCollator):
    """Adds weights to the batch, and what each teacher with its own prompt reads.

    Args:
        plain: the collator of the batch itself.
        teachers: number of teachers.
    """

    def __init__(self, plain: Collator, teachers: int) -> None:
        super().__init__(plain)
        self.teachers = teachers

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """The batch, with `teacher_K` → `read`, the model's arguments, and `counts` (B, S'), true where a label is.

        A row has labels on the same tokens of its completion whatever precedes them. So each row has as many places
        that count as in the batch, in the same order.
        """
        batch = super().__call__(rows)
        for number in range(self.teachers):
            column = f"teacher_{number}"
            if column not in rows[0]:
                continue
            before = [len(row["input_ids"]) - row["completion_tokens"] for row in rows]
            completions = [row["input_ids"][start:] for row, start in zip(rows, before, strict=True)]
            labels = [row["labels"][start:] for row, start in zip(rows, before, strict=True)]
            shown = [row[column] for row in rows]
            ids_BS, mask_BS = padded([one + rest for one, rest in zip(shown, completions, strict=True)], 0)
            counts_BS = torch.zeros_like(mask_BS, dtype=torch.bool)
            for line, (one, rest) in enumerate(zip(shown, labels, strict=True)):
                counts_BS[line, len(one) : len(one) + len(rest)] = torch.tensor(rest) != IGNORE
            batch[column] = {"read": {"input_ids": ids_BS, "attention_mask": mask_BS}, "counts": counts_BS}
        return batch
