"""Trains a process reward model on labelled samples: a token-classification head, read at the last token of each step.

The losses are in `rl/prm/trainer.py`; transformers' Trainer does the rest. The model is saved with its tokenizer and
with `prm.json`, which records what it was trained on. There are no checkpoints: after an interruption, the same command
trains again from the start, to the same model on the same machine. Adapters are merged before saving, so any loader of
token-classification models can read the model.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import PartialState
from peft import LoraConfig, get_peft_model
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PrinterCallback, TrainingArguments

from rewards.models import load as models
from rewards.models.room import learnt_positions
from rewards.models.types import Model
from rewards.parts.step_scores import FORM_FILE, READ_AT
from rewards.sample import Sample
from rl.errors import UserError
from rl.policy.sharded import is_sharded, load_whole_models
from rl.prm.labelled import has_labels, problem_of, scores_of
from rl.prm.scores import fits, step_scores
from rl.prm.step_metrics import evaluate
from rl.prm.trainer import IGNORE, PrmTrainer, collate, example, language_model_head, loss, teaches
from rl.storage.run_folder import write_atomically
from rl.tasks.task import split_of


@dataclass(frozen=True)
class TrainSettings:
    """How a process reward model is trained.

    Attributes:
        head: `one` label (binary cross-entropy) or `two` classes (cross-entropy).
        epochs: passes over the completions.
        batch: completions per batch on each device.
        learning_rate: peak learning rate, after a warm-up over the first 5% of steps; then it falls as a cosine.
        weight_decay: weight decay of AdamW.
        lora: rank of adapters on all linear layers; None trains every weight.
        max_length: largest number of tokens of prompt and completion; None for the model's learnt positions alone.
            Steps after the limit have no loss.
        lm_weight: weight of the next-token loss on right steps, which is added to the loss of the labels.
        validation: share of problems that are held out, with all their completions.
        seed: random seed for the order of completions and the weights of a new head.
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
    """Load a token-classification model and its tokenizer, on the GPU if there is one.

    Args:
        path: a folder or hub id. A causal language model gets a new head.
        labels: number of labels of the head; None for the stored number.

    Raises:
        UserError: the model cannot be loaded.
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
        samples: samples with labels.
        out: folder for the model, its tokenizer and `prm.json`.
        settings: the training settings.
        made_by: origin of the labels, for `prm.json`.

    Returns:
        `completions`, the number of training completions; `cut_off`, the number of their labelled steps that exceed the
        length limit; `train_loss`, `steps`, `seconds`; and `validation`, the figures of `rl.prm.step_metrics` on the
        held-out completions that fit into the model (None if there are none, or if this is not the main process).

    Raises:
        UserError: no step within the length limit has a label; all labels are equal; the model cannot be loaded, or
            with `lm_weight` it is not a causal language model; or the loss or a weight became NaN or infinite, in which
            case nothing is saved.
    """
    fitted, held_out = _parts(samples, settings.validation)
    model, tokenizer = _start(path, settings)
    longest = min((limit for limit in (settings.max_length, learnt_positions(model)) if limit), default=None)
    # a completion whose labelled steps are all cut off has no loss, and the mean of a batch of such ones would be NaN
    rows = [row for sample in fitted if teaches(row := example(tokenizer, sample, longest))]
    labelled = sum(score is not None for sample in fitted for score in scores_of(sample.labels))
    kept = sum(label != IGNORE for row in rows for label in row["labels"])
    if not kept:
        raise UserError("--max-length", f"none of {labelled:,} labelled steps ends within {longest:,} tokens")
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
    load_whole_models()
    ran = trainer.train()
    result = {
        "completions": len(rows),
        "cut_off": labelled - kept,
        "steps": ran.global_step,
        "train_loss": ran.training_loss,
        "seconds": ran.metrics["train_runtime"],
        "validation": None,
    }
    model = _whole(trainer, lambda: _start(path, settings)[0])
    if not trainer.is_world_process_zero():
        return result
    if not (math.isfinite(ran.training_loss) and all(weight.isfinite().all() for weight in model.parameters())):
        raise UserError(
            "--learning-rate", "the loss or the weights became NaN or infinite, so nothing is saved; lower it"
        )
    model = models.merged(model)
    if held_out := [sample for sample in held_out if fits(model, tokenizer, sample)]:
        result["validation"] = evaluate(held_out, step_scores(model, tokenizer, held_out))
    form = Path(out) / FORM_FILE  # written last, so that a folder with it is complete
    form.unlink(missing_ok=True)
    model.save_pretrained(str(out))
    tokenizer.save_pretrained(str(out))
    how = {"read_at": READ_AT, "labels_by": made_by, "start": str(path), **asdict(settings)}
    write_atomically(form, json.dumps(how, indent=2) + "\n")
    return result


def _start(path: str | Path, settings: TrainSettings) -> tuple[Model, PreTrainedTokenizerBase]:
    """The model to train, the same on every process, and its tokenizer."""
    torch.manual_seed(settings.seed)
    model, tokenizer = load(path, labels=1 if settings.head == "one" else 2)
    model.config.id2label = {0: "right"} if settings.head == "one" else {0: "wrong", 1: "right"}
    model.config.label2id = {label: place for place, label in model.config.id2label.items()}
    if not settings.lora:
        return model, tokenizer
    adapters = LoraConfig(
        r=settings.lora,
        lora_alpha=2 * settings.lora,
        target_modules="all-linear",
        exclude_modules=["score", "classifier"],  # the head is new and trained in full
        task_type="TOKEN_CLS",
    )
    return get_peft_model(model, adapters), tokenizer


def _whole(trainer: PrmTrainer, start: Callable[[], Model]) -> Model:
    """The trained model; if its weights are sharded, the main process gets one of its own with all of them."""
    accelerator = trainer.accelerator
    if not is_sharded(accelerator):
        return accelerator.unwrap_model(trainer.model)
    weights = accelerator.get_state_dict(trainer.model_wrapped)
    if not accelerator.is_main_process:
        return cast(Model, trainer.model)
    model = start()
    model.load_state_dict(weights)
    return model


def _parts(samples: Sequence[Sample], validation: float) -> tuple[list[Sample], list[Sample]]:
    """The samples with labels, divided into those for training and those of held-out problems."""
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
        use_cpu=not torch.accelerator.is_available(),
        per_device_train_batch_size=settings.batch,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        lr_scheduler_type="cosine",
        warmup_steps=int(0.05 * settings.epochs * rows / (settings.batch * PartialState().num_processes)),
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
