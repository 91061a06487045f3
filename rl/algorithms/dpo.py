r"""DPO: direct preference optimization (Rafailov et al. 2023, arXiv:2305.18290, eq. 7), by TRL's `DPOTrainer`.

    L = -log σ( β [ log π(y_w|x)/π_ref(y_w|x) - log π(y_l|x)/π_ref(y_l|x) ] )

with y_w the chosen completion, y_l the rejected one, and log-probabilities summed over the tokens of a completion.

`trainer.loss_type` selects variants: `sigmoid_norm` divides each log-probability by the length of its completion, and
`exo_pair` is EXO (Ji et al. 2024, arXiv:2402.00856), which needs `trainer.label_smoothing` above 0. `algorithm.nll` = α
adds -α log π(y_w|x), averaged over the tokens (Pang et al. 2024, arXiv:2404.19733).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasets import Dataset, IterableDataset
from torch import nn
from transformers import PrinterCallback
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from rl.algorithms.fit import Fit, share_of_tokens
from rl.algorithms.preference import examples as examples
from rl.algorithms.preference import learnable, pair_length, pair_rows
from rl.algorithms.trl_arguments import drop_incomplete_batches, fit_arguments
from rl.config.algorithms import Dpo
from rl.examples.pairs import Pair

AnyDataset = Dataset | IterableDataset


class PairsDPOTrainer(DPOTrainer):
    """TRL's trainer on pairs that are already tokenized, with a negative log-likelihood over all processes' tokens.

    Args:
        nll: weight of the negative log-likelihood, which is then the last of the losses; 0 for none.
        arguments: TRL's own keyword arguments.
    """

    def __init__(self, nll: float, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.nll = nll

    def _prepare_dataset(self, dataset: AnyDataset, *_: object, **__: object) -> AnyDataset:
        return dataset

    def _compute_loss(self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool) -> Any:
        if self.nll:
            chosen_BT = inputs["completion_mask"].chunk(2)[0][:, 1:]
            self.loss_weights[-1] = self.nll * share_of_tokens(chosen_BT.sum())
        return super()._compute_loss(model, inputs, return_outputs)


def build(fit: Fit, examples: Sequence[Pair]) -> DPOTrainer:
    """TRL's trainer for one fit.

    Args:
        fit: the models, settings and folder of the fit.
        examples: the pairs to fit on.

    Raises:
        UserError: TRL rejects the arguments.
    """
    algorithm, trainer_settings = fit.config.algorithm, fit.config.trainer
    assert isinstance(algorithm, Dpo)
    own: dict[str, Any] = {}
    if algorithm.nll:
        wanted = trainer_settings.get("loss_type", ["sigmoid"])
        losses = [wanted] if isinstance(wanted, str) else list(wanted)
        weights = trainer_settings.get("loss_weights") or [1.0] * len(losses)
        own = {"loss_type": [*losses, "sft"], "loss_weights": [*weights, algorithm.nll]}
    rows = pair_rows(examples, fit.tokenizer, fit.template_kwargs)
    lengths, prompts = [pair_length(row) for row in rows], [len(row["prompt_ids"]) for row in rows]
    trainer = PairsDPOTrainer(
        algorithm.nll,
        ref_model=fit.reference,
        args=fit_arguments(DPOConfig, fit, lengths, prompts, **own),
        train_dataset=Dataset.from_list(learnable(rows, fit)),
        **fit.for_trl,
    )
    drop_incomplete_batches(trainer, fit)
    trainer.remove_callback(PrinterCallback)
    return trainer
