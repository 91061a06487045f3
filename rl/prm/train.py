"""Trains a process reward model on labelled samples: a token-classification head read at the last token of each step.

The losses are in `rl/prm/trainer.py`; transformers' Trainer does the rest. The model is saved with its tokenizer and
`prm.json`, which says what it was trained on. Adapters are merged before saving, so that any loader of
token-classification models reads it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PrinterCallback, TrainingArguments

from rewards.models import load as models
from rewards.models.room import learnt_positions
from rewards.parts.step_scores import FORM_FILE, READ_AT
from rewards.sample import Sample
from rl.errors import UserError
from rl.prm.labelled import has_labels, problem_of, scores_of
from rl.prm.scores import fits, step_scores
from rl.prm.step_metrics import evaluate
from rl.prm.trainer import IGNORE, PrmTrainer, collate, example, language_model_head, loss
from rl.tasks.task import split_of


@dataclass(frozen=True)
class TrainSettings:
    """How a process reward model is trained.

    Attributes:
        head: `one` label (binary cross-entropy) or `two` classes (cross-entropy).
        epochs: passes over the completions.
        batch: completions in a batch on each device.
        learning_rate: the highest, after a warm-up over the first 5% of steps, falling as a cosine.
        weight_decay: of AdamW.
        lora: rank of adapters on all linear layers; None trains every weight.
        max_length: most tokens of prompt and completion; steps past it carry no loss, and neither do steps past the
            positions that the model has learnt. None for no other limit.
        lm_weight: weight of the next-token loss on right steps, beside that of the labels.
        validation: share of problems that are held out; all completions of a problem are on one side.
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


def load(path: str | Path, labels: int | None = None) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
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
    path: str | Path, samples: Sequence[Sample], out: str | Path, settings: TrainSettings, made_by: str = ""
) -> dict[str, Any]:
    """Train on labelled samples and save.

    Args:
        path: the model to start from.
        samples: with labels.
        out: folder for the model, its tokenizer and `prm.json`.
        settings: how.
        made_by: where the labels come from, for `prm.json`.

    Returns:
        `completions`, how many were trained on; `cut_off`, how many labelled steps of theirs the model has no room for;
        `train_loss`, `steps`, `seconds`; and `validation`, the figures of `rl.prm.step_metrics` on what was held out
        and fits into the model (None where nothing does).

    Raises:
        UserError: no step has a label, or none of those that fit; all labels are the same; the model cannot be loaded,
            or with `lm_weight` it is no causal language model; or the loss or a weight became NaN or infinite, and
            nothing is saved.
    """
    fitted, held_out = _parts(samples, settings.validation)
    torch.manual_seed(settings.seed)
    model, tokenizer = load(path, labels=1 if settings.head == "one" else 2)
    model.config.id2label = {0: "right"} if settings.head == "one" else {0: "wrong", 1: "right"}
    model.config.label2id = {label: place for place, label in model.config.id2label.items()}
    longest = min((limit for limit in (settings.max_length, learnt_positions(model)) if limit), default=None)
    rows = [example(tokenizer, sample, longest) for sample in fitted]
    labelled = sum(score is not None for sample in fitted for score in scores_of(sample.labels))
    kept = sum(label != IGNORE for row in rows for label in row["labels"])
    if not kept:
        raise UserError("--max-length", f"none of {labelled:,} labelled steps ends within {longest:,} tokens")
    if settings.lora:
        adapters = LoraConfig(
            r=settings.lora,
            lora_alpha=2 * settings.lora,
            target_modules="all-linear",
            exclude_modules=["score", "classifier"],  # the head is new and trained whole
            task_type="TOKEN_CLS",
        )
        model = get_peft_model(model, adapters)
    trainer = PrmTrainer(
        lm_weight=settings.lm_weight,
        lm_head=language_model_head(path).to(model.device, model.dtype) if settings.lm_weight else None,
        model=model,
        args=_arguments(out, settings, len(rows)),
        train_dataset=rows,  # pyright: ignore[reportArgumentType]  # a list is a map-style data set
        data_collator=lambda batch: collate(batch, tokenizer),
        compute_loss_func=loss,
    )
    trainer.remove_callback(PrinterCallback)
    ran = trainer.train()
    if not (math.isfinite(ran.training_loss) and all(weight.isfinite().all() for weight in model.parameters())):
        raise UserError(
            "--learning-rate", "the loss or the weights became NaN or infinite, so nothing is saved; lower it"
        )
    model = models.merged(model)
    figures = None
    if held_out := [sample for sample in held_out if fits(model, tokenizer, sample)]:
        figures = evaluate(held_out, step_scores(model, tokenizer, held_out))
    model.save_pretrained(str(out))
    tokenizer.save_pretrained(str(out))
    form = {"read_at": READ_AT, "labels_by": made_by, "start": str(path), **asdict(settings)}
    (Path(out) / FORM_FILE).write_text(json.dumps(form, indent=2) + "\n", encoding="utf-8")
    return {
        "completions": len(fitted),
        "cut_off": labelled - kept,
        "steps": ran.global_step,
        "train_loss": ran.training_loss,
        "seconds": ran.metrics["train_runtime"],
        "validation": figures,
    }


def _parts(samples: Sequence[Sample], validation: float) -> tuple[list[Sample], list[Sample]]:
    """The samples with labels: those to train on, and those of the problems that are held out."""
    labelled = [sample for sample in samples if has_labels(sample)]
    held_out = [sample for sample in labelled if _is_held_out(sample, validation)]
    fitted = [sample for sample in labelled if not _is_held_out(sample, validation)]
    if not labelled:
        raise UserError("labels", f"none of {len(samples):,} completions has a labelled step")
    if not fitted:
        raise UserError("--validation", f"all {len(labelled):,} completions are held out; lower it, or label more")
    values = {score for sample in fitted for score in scores_of(sample.labels) if score is not None}
    if len(values) == 1:
        raise UserError(
            "labels",
            f"every label to train on is {values.pop():g}, so there is nothing to tell apart; add completions whose "
            "steps have other labels",
        )
    return fitted, held_out


def _is_held_out(sample: Sample, share: float) -> bool:
    return split_of(f"prm {problem_of(sample)}", validation=share, test=0.0) == "validation"


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
        logging_nan_inf_filter=False,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        seed=settings.seed,
        log_level="error",
    )
