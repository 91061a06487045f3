r"""Trains a process reward model: a token-classification head read at the last token of each step.

With one label the loss is binary cross-entropy on the logit $z_t$ at a step's end, $-[y_t \log \sigma(z_t) + (1 - y_t)
\log(1 - \sigma(z_t))]$; with two classes it is cross-entropy against $(1 - y_t, y_t)$. Both take hard labels and soft
ones. The mean is over the labelled steps of a batch. Tokens that end no step, and steps without a label, carry no loss.

With `lm_weight` the model goes on learning to write what is right: the next-token loss of the starting model's own
head, on each chain up to its first step that is not (the text-generation regularization of Yang et al. 2024,
arXiv:2406.10216, there on the chosen answers). A label is one bit, and what a model needs to know to say it is soon
lost in fitting them; on the embedded task the step AUC is 0.94 without and 0.98 with it (docs/log.md).

transformers' Trainer does the rest. The model is saved with its tokenizer and `prm.json`, which says what it was
trained on. Adapters are merged before saving, so that any loader of token-classification models reads it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase, PrinterCallback, Trainer, TrainingArguments

from rewards.models import load as models
from rewards.models.batches import pad_id, padded, stacked
from rewards.parts.step_scores import FORM_FILE, READ_AT
from rl.errors import UserError
from rl.prm.chains import Chain
from rl.prm.scores import encode, step_scores
from rl.prm.step_metrics import evaluate
from rl.tasks.task import split_of

IGNORE = -100.0
"""Label of a token that carries no loss."""


@dataclass(frozen=True)
class TrainSettings:
    """How a process reward model is trained.

    Attributes:
        head: `one` label (binary cross-entropy) or `two` classes (cross-entropy).
        epochs: passes over the chains.
        batch: chains a step on each device.
        learning_rate: the highest, after a warm-up over the first 5% of steps, falling as a cosine.
        weight_decay: of AdamW.
        lora: rank of adapters on all linear layers; None trains every weight.
        max_length: most tokens of a chain; steps past it carry no loss. None for no limit.
        lm_weight: weight of the next-token loss on right steps, beside that of the labels.
        validation: share of problems that are held out; all chains of a problem are on one side.
        seed: of the order and the head's first weights.
    """

    head: str = "one"
    epochs: float = 3.0
    batch: int = 32
    learning_rate: float = 5e-5
    weight_decay: float = 0.0
    lora: int | None = None
    max_length: int | None = 2048
    lm_weight: float = 0.0
    validation: float = 0.1
    seed: int = 0


def load(path: str | Path, labels: int | None = None) -> tuple[Any, PreTrainedTokenizerBase]:
    """A token-classification model and its tokenizer, on the GPU where there is one.

    Args:
        path: a folder or hub id; of a causal language model, the head is new.
        labels: how many the head has; None for as many as are stored.

    Raises:
        UserError: it cannot be loaded.
    """
    try:
        model, tokenizer, _ = models.load(path, "token", device=models.default_device(), num_labels=labels)
    except ValueError as error:
        raise UserError("model", str(error)) from error
    models.give_pad_token(model, tokenizer)
    return models.merged(model), tokenizer


def train(
    path: str | Path, chains: Sequence[Chain], out: str | Path, settings: TrainSettings, made_by: str = ""
) -> dict[str, Any]:
    """Train on labelled chains and save.

    Args:
        path: the model to start from.
        chains: with labels.
        out: folder for the model, its tokenizer and `prm.json`.
        settings: how.
        made_by: where the labels come from, for `prm.json`.

    Returns:
        `train_loss`, `steps`, `seconds`, and `validation`, the figures of `rl.prm.step_metrics` on what was held out
        (None where nothing was).

    Raises:
        UserError: no chain has a label, the model cannot be loaded, or with `lm_weight` it is no causal language model.
    """
    labelled = [chain for chain in chains if any(step.label is not None for step in chain.steps)]
    held_out = [chain for chain in labelled if _is_held_out(chain, settings.validation)]
    fitted = [chain for chain in labelled if not _is_held_out(chain, settings.validation)]
    if not fitted:
        raise UserError("labels", f"none of {len(chains)} chains to train on has a labelled step")
    torch.manual_seed(settings.seed)
    model: Any
    model, tokenizer = load(path, labels=1 if settings.head == "one" else 2)
    model.config.id2label = {0: "right"} if settings.head == "one" else {0: "wrong", 1: "right"}
    model.config.label2id = {label: place for place, label in model.config.id2label.items()}
    if settings.lora:
        adapters = LoraConfig(
            r=settings.lora,
            lora_alpha=2 * settings.lora,
            target_modules="all-linear",
            exclude_modules=["score", "classifier"],  # the head is new and trained whole
            task_type="TOKEN_CLS",
        )
        model = get_peft_model(model, adapters)
    rows = [example(tokenizer, chain, settings.max_length) for chain in fitted]
    trainer = PrmTrainer(
        lm_weight=settings.lm_weight,
        lm_head=language_model_head(path).to(model.device, model.dtype) if settings.lm_weight else None,
        model=model,
        args=_arguments(out, settings, len(rows)),
        train_dataset=rows,  # type: ignore[arg-type]  # a list is a map-style data set
        data_collator=lambda batch: collate(batch, tokenizer),
        compute_loss_func=loss,
    )
    trainer.remove_callback(PrinterCallback)
    ran = trainer.train()
    if settings.lora:
        merge: Any = model.merge_and_unload  # torch types attributes as tensors
        model = merge()
    figures = None
    if held_out:
        figures = evaluate(held_out, step_scores(model, tokenizer, held_out))
    model.save_pretrained(str(out))
    tokenizer.save_pretrained(str(out))
    form = {"read_at": READ_AT, "labels_by": made_by, "start": str(path), **asdict(settings)}
    (Path(out) / FORM_FILE).write_text(json.dumps(form, indent=2) + "\n", encoding="utf-8")
    return {
        "chains": len(fitted),
        "steps": ran.global_step,
        "train_loss": ran.training_loss,
        "seconds": ran.metrics["train_runtime"],
        "validation": figures,
    }


class PrmTrainer(Trainer):
    """Adds to the loss of the labels the next-token loss on right steps.

    Args:
        lm_weight: its weight; 0 for none of it.
        lm_head: (V, H), the starting model's output embedding, which stays as it is.
    """

    def __init__(self, *, lm_weight: float, lm_head: torch.Tensor | None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.lm_weight, self.lm_head = lm_weight, lm_head

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The label loss, and with `lm_weight` the mean next-token loss over the right steps' tokens."""
        targets_BT = inputs.pop("targets")
        inputs["output_hidden_states"] = self.lm_head is not None
        both: Any = super().compute_loss(model, inputs, True, num_items_in_batch)
        total, outputs = both
        if self.lm_head is not None:
            hidden_BTH = outputs.hidden_states[-1][:, :-1]
            wanted_BT = targets_BT[:, 1:] != int(IGNORE)
            logits_NV = F.linear(hidden_BTH[wanted_BT], self.lm_head).float()
            summed = F.cross_entropy(logits_NV, targets_BT[:, 1:][wanted_BT], reduction="sum")
            total = total + self.lm_weight * summed / wanted_BT.sum().clamp(min=1)
        return (total, outputs) if return_outputs else total


def example(tokenizer: PreTrainedTokenizerBase, chain: Chain, longest: int | None) -> dict[str, list[Any]]:
    """A chain as token lists of one length.

    Returns:
        `input_ids`; `labels`, a number at the last token of each labelled step, IGNORE elsewhere; `targets`, the
        completion's tokens up to the last step before the first that is not right, IGNORE elsewhere.
    """
    ids, places, prompt = encode(tokenizer, chain, longest)
    labels, right_until, all_right = [IGNORE] * len(ids), prompt, True
    for place, step in zip(places, chain.steps, strict=True):
        all_right = all_right and place >= 0 and step.label is not None and step.label > 0.5
        if place >= 0 and step.label is not None:
            labels[place] = step.label
        if all_right:
            right_until = place + 1
    targets = [token if prompt <= place < right_until else int(IGNORE) for place, token in enumerate(ids)]
    return {"input_ids": ids, "labels": labels, "targets": targets}


def collate(batch: Sequence[dict[str, list[Any]]], tokenizer: PreTrainedTokenizerBase) -> dict[str, torch.Tensor]:
    """A batch padded on the right: `input_ids`, `attention_mask`, `labels`, `targets`, each (B, T)."""
    ids_BT, mask_BT = padded([row["input_ids"] for row in batch], pad_id(tokenizer))
    labels_BT = stacked([row["labels"] for row in batch], IGNORE)
    targets_BT = stacked([row["targets"] for row in batch], int(IGNORE))
    return {"input_ids": ids_BT, "attention_mask": mask_BT, "labels": labels_BT, "targets": targets_BT}


def loss(outputs: Any, labels_BT: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
    """The mean loss over labelled steps, those of all accumulated batches where the trainer counts them."""
    wanted_BT = labels_BT != IGNORE
    labels_S = labels_BT[wanted_BT]
    logits_SL = outputs.logits.float()[wanted_BT]
    if logits_SL.shape[-1] == 1:
        total = F.binary_cross_entropy_with_logits(logits_SL[:, 0], labels_S, reduction="sum")
    else:
        total = F.cross_entropy(logits_SL, torch.stack([1 - labels_S, labels_S], dim=-1), reduction="sum")
    return total / (max(len(labels_S), 1) if num_items_in_batch is None else num_items_in_batch)


def language_model_head(path: str | Path) -> torch.Tensor:
    """The output embedding (V, H) of a causal language model.

    Raises:
        UserError: it is none, or has weights missing that one needs.
    """
    try:
        model = models.merged(models.load(path, "causal", dtype="float32").model)
    except ValueError as error:
        raise UserError("--lm-weight", f"{str(path)!r} is no causal language model: {error}") from error
    return model.get_output_embeddings().weight.detach().clone()


def _is_held_out(chain: Chain, share: float) -> bool:
    return split_of(f"prm {chain.question}", validation=share, test=0.0) == "validation"


def _arguments(out: str | Path, settings: TrainSettings, rows: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(Path(out) / "trainer"),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        lr_scheduler_type="cosine",
        warmup_steps=int(0.05 * settings.epochs * rows / settings.batch),
        save_strategy="no",
        logging_steps=50,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        seed=settings.seed,
        log_level="error",
    )
