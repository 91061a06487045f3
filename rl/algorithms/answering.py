r"""Supervised answering between cycles of reinforcement, as in Crystal (Liu et al. 2023, arXiv:2310.04921).

Crystal's policy states knowledge k about a question q and then answers. Reinforcement rewards the statement alone. The
policy learns to answer from the gold answer a*, after a statement that it draws itself (form QKA) and without one (QA):

$$ L = - w_{QKA} \log \pi(a^* \mid q, k) - w_{QA} \log \pi(a^* \mid q), \qquad k \sim \pi(\cdot \mid q) $$

each as a mean over the answer's tokens and its end. The two take turns: after `algorithm.answering.policy_cycles`
generation cycles of the algorithm come `answer_cycles` of these, in which completions are drawn as usual but their own
answers are left out. The authors' code alternates 500 steps of each, with weights 1 and 0, and calls this mutual
adaptation: the policy learns to use what it states, and to state what it can use.

A completion is left out if it lacks the marker before the answer or its row has no gold answer. The likelihood is that
of the policy at temperature 1, whatever the temperature of sampling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from rewards.models.attention import parameters_of
from rewards.models.batches import pad_id, padded
from rewards.models.likelihoods import Pair, joined
from rewards.models.types import Model
from rewards.parts.rationale import Asked, RationaleLayout, asked
from rewards.sample import Sample
from rl.config.online import Answering

TOLD = "answering_is_told"
"""The key of a batch for supervised answering: whether each row, (B',), has a statement before its answer."""


def is_due(settings: Answering, cycle: int) -> bool:
    """Whether a generation cycle is one of supervised answering.

    Args:
        settings: the config's `algorithm.answering`.
        cycle: the number of the cycle, from 0.
    """
    return cycle % (settings.policy_cycles + settings.answer_cycles) >= settings.policy_cycles


def answering_batch(
    samples: Sequence[Sample],
    settings: Answering,
    layout: RationaleLayout,
    tokenizer: PreTrainedTokenizerBase,
    template_kwargs: Mapping[str, Any] | None = None,
) -> dict[str, Tensor]:
    """Gold answers after the samples' own statements, and without one, as a batch of TRL's trainer.

    Args:
        samples: B samples, drawn from the current policy.
        settings: the config's `algorithm.answering`; a form of weight 0 has no rows.
        layout: how completions are split, and how a question is followed by its answer.
        tokenizer: the policy's.
        template_kwargs: variables of its chat template, as at sampling.

    Returns:
        `prompt_ids`, `prompt_mask` (B', P), `completion_ids`, `completion_mask` (B', T), `TOLD` (B',). Each form that
        has a weight has B rows. In the rows of a sample that cannot be asked `completion_mask` is 0.
    """
    questions = {one.row: one for one in _asked(samples, layout)}
    forms = [told for told, weight in ((True, settings.qka_weight), (False, settings.qa_weight)) if weight]
    pairs: list[Pair | None] = []
    for told in forms:
        for place in range(len(samples)):
            one = questions.get(place)
            if one is None:
                pairs.append(None)
                continue
            before = layout.put(one.prompt, one.rationale if told else None, tokenizer, template_kwargs)
            pairs.append(joined(before, one.answers[one.gold], tokenizer))
    end = cast(int, tokenizer.eos_token_id)
    prompts = [[end] if pair is None else pair.ids[: pair.start] for pair in pairs]
    answers = [[*([] if pair is None else pair.ids[pair.start :]), end] for pair in pairs]
    pad = pad_id(tokenizer)
    prompt_ids, prompt_mask = padded(prompts, pad, side="left")
    completion_ids, completion_mask = padded(answers, pad)
    asked_B1 = torch.tensor([[pair is not None] for pair in pairs])
    return {
        "prompt_ids": prompt_ids,
        "prompt_mask": prompt_mask,
        "completion_ids": completion_ids,
        "completion_mask": completion_mask * asked_B1,
        TOLD: torch.tensor([told for told in forms for _ in samples]),
    }


def answering_loss(
    logprobs_BT: Tensor,
    mask_BT: Tensor,
    told_B: Tensor,
    settings: Answering,
    record: Callable[[str, float], None] = lambda name, value: None,
) -> Tensor:
    """The weighted sum of the mean negative log-likelihood of both forms, in nats per token.

    Args:
        logprobs_BT: log-probabilities of the answers' tokens.
        mask_BT: 1 on tokens.
        told_B: whether a row has a statement.
        settings: the weights.
        record: called with the name and the value of each form's own loss.
    """
    loss = logprobs_BT.sum() * 0.0  # so that a batch without questions has a gradient, too
    for name, chosen_B, weight in (
        ("answering/qka_loss", told_B, settings.qka_weight),
        ("answering/qa_loss", ~told_B, settings.qa_weight),
    ):
        tokens_BT = mask_BT * chosen_B.unsqueeze(1)
        if tokens_BT.any():
            own = -(logprobs_BT * tokens_BT).sum() / tokens_BT.sum()
            record(name, own.item())
            loss = loss + weight * own
    return loss


def answer_logprobs(model: nn.Module, policy: Model, batch: Mapping[str, Tensor]) -> Tensor:
    """Log-probabilities (nats) of the answers' tokens under the policy, (B', T).

    TRL's own are those of sampling: it divides logits by the temperature.

    Args:
        model: the policy, wrapped as it is in training.
        policy: the policy without wrappers.
        batch: the result of `answering_batch`.
    """
    ids, mask = (torch.cat([batch[f"prompt_{of}"], batch[f"completion_{of}"]], 1) for of in ("ids", "mask"))
    width, known = batch["completion_ids"].shape[1], parameters_of(policy)
    more: dict[str, Any] = {"logits_to_keep": width + 1} if "logits_to_keep" in known else {}
    if "position_ids" in known:
        more["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0)
    logits_BTV = model(input_ids=ids, attention_mask=mask, use_cache=False, **more).logits[:, -width - 1 : -1]
    return logits_BTV.float().log_softmax(-1).gather(2, batch["completion_ids"].unsqueeze(2)).squeeze(2)


def _asked(samples: Sequence[Sample], layout: RationaleLayout) -> list[Asked]:
    """The samples with a question to ask; if rows have choices, the gold answer is one of them."""
    names = [name for name in ("gold", "choices") if name in samples[0].row]
    columns = {name: [one.row[name] for one in samples] for name in names}
    texts = [one.text for one in samples]
    found, _ = asked(layout, [one.prompt for one in samples], texts, columns, among="choices" in names)
    return found
