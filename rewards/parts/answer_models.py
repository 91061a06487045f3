r"""Trains the answer models of the consistency reward (MaRio, Ramnath et al. 2024, arXiv:2311.02805, section 3).

    python -m rewards.parts.answer_models ROWS.jsonl --start MODEL --out FOLDER [--folds 2] [--layout facts]

There are two models that answer a question: one from the question alone (I2O), one with a rationale (IR2O). The paper
trains both on the questions that the reward later judges. On these a small model soon becomes certain of its own
answer, and no rationale can add to it. So the models here are cross-fitted: the questions are divided into folds, and
the models of a fold are trained on the other folds. The fold of a question is its column `fold`, or a hash of its
prompt.

Rows have `prompt`, `gold`, `rationale`, `choices` if there are any, and may have `fold`. A row with an empty or missing
rationale is used for the first model only. A question with several rationales has several rows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from rewards.models.batches import batches, pad_id, padded
from rewards.models.likelihoods import Pair, joined
from rewards.models.load import load, merged
from rewards.models.prompts import Rendered
from rewards.models.room import room
from rewards.models.state import default_device, device_of, move
from rewards.models.types import Model, Tokenizer
from rewards.parts.rationale import LAYOUTS, RationaleLayout, choices_of
from rewards.reward import Text
from verifiers.runtime.golds import first_gold

MANIFEST = "answer_models.json"
"""File in the folder with the settings and the layout with which the models were trained."""
KINDS = ("without", "with")
"""I2O and IR2O."""


def fold_of(prompt: Text, folds: int, given: Any = None) -> int:
    """The fold of a question: the given one, or one by a hash of its prompt, which is the same on every machine.

    Args:
        prompt: the prompt of the question.
        folds: number of folds.
        given: the fold in the data; None if there is none.

    Raises:
        ValueError: there is no such fold.
    """
    if given is None:
        text = prompt if isinstance(prompt, str) else json.dumps([dict(message) for message in prompt], sort_keys=True)
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") % folds
    if isinstance(given, bool) or given not in range(folds):
        raise ValueError(f"fold: expected 0 to {folds - 1}, got {given!r}")
    return int(given)


def fit_answer_models(
    rows: Sequence[Mapping[str, Any]],
    folds: int,
    start: str,
    folder: str | Path,
    layout: RationaleLayout | None = None,
    *,
    epochs: int = 5,
    learning_rate: float = 1e-4,
    batch_tokens: int = 2048,
    seed: int = 0,
    device: str | None = None,
    report: Callable[[str, float], None] | None = None,
) -> Path:
    """Train the two models of each fold on the other folds, on the tokens of the answer alone.

    Args:
        rows: rows as described in the module's docstring.
        folds: number of folds, at least 2.
        start: the causal model to start from, a path or a hub id.
        folder: the folder for the models, which become `FOLD/without` and `FOLD/with`.
        layout: how a question is posed; by default MaRio's layout.
        epochs: passes over the rows.
        learning_rate: learning rate of AdamW.
        batch_tokens: tokens per batch.
        seed: random seed for the order of the rows.
        device: by default this process's GPU, or the CPU.
        report: called after each model with its name and its mean loss in the last pass, in nats per token.

    Returns:
        The folder.

    Raises:
        ValueError: there are fewer than two folds, a row lacks a column, a fold leaves no rows to train on, or the
            folder is not empty.
    """
    layout, folder = layout or RationaleLayout(), Path(folder)
    if folds < 2:
        raise ValueError(
            f"folds: expected at least 2, got {folds}; with one, the models would judge their training rows"
        )
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; name another folder")
    tokenizer = load(start, dtype="float32").tokenizer
    parts = {kind: _examples(rows, kind, folds, layout, tokenizer) for kind in KINDS}
    for kind, examples in parts.items():
        for fold in range(folds):
            if all(other == fold for other, _ in examples):
                raise ValueError(
                    f"fold {fold} has no rows to train the model {kind} rationales; use more rows or folds"
                )
    for fold in range(folds):
        for kind, examples in parts.items():
            model = merged(load(start, dtype="float32").model)
            pairs = [pair for other, pair in examples if other != fold and len(pair.ids) <= room(model)]
            move(model, device or default_device())
            loss = _fit(model, pairs, tokenizer, epochs, learning_rate, batch_tokens, seed)
            model.save_pretrained(folder / str(fold) / kind)
            tokenizer.save_pretrained(folder / str(fold) / kind)
            if report:
                report(f"{fold}/{kind}", loss)
    manifest = {"folds": folds, "start": start, "rows": len(rows), "epochs": epochs, "layout": asdict(layout)}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return folder


def _examples(
    rows: Sequence[Mapping[str, Any]], kind: str, folds: int, layout: RationaleLayout, tokenizer: Tokenizer
) -> list[tuple[int, Pair]]:
    """(fold, context with the gold answer) of the distinct rows for one kind of model."""
    found: dict[tuple[Rendered, str], tuple[int, Pair]] = {}
    for number, row in enumerate(rows, start=1):
        if missing := [name for name in ("prompt", "gold") if row.get(name) is None]:
            raise ValueError(f"row {number} has no {missing[0]!r}; it has: {', '.join(row)}")
        rationale = row.get("rationale") if kind == "with" else None
        if kind == "with" and not rationale:
            continue
        gold = first_gold(row["gold"])
        label = text = str(gold)
        if row.get("choices") is not None:
            labels, texts, right = choices_of(row["choices"], gold)
            if right is None:
                raise ValueError(f"row {number}: the gold {row['gold']!r} is not one of its choices")
            label, text = labels[right], texts[right]
        context = layout.put(row["prompt"], rationale, tokenizer)
        answer = layout.answer.format(label=label, text=text)
        fold = fold_of(row["prompt"], folds, row.get("fold"))
        found.setdefault((context, answer), (fold, joined(context, answer, tokenizer)))
    return list(found.values())


def _fit(
    model: Model, pairs: Sequence[Pair], tokenizer: Tokenizer, epochs: int, learning_rate: float, budget: int, seed: int
) -> float:
    """Train on the tokens of the answers, and return the mean loss of the last pass."""
    device = device_of(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.0)
    rng, loss = random.Random(seed), float("nan")
    model.train()
    for _ in range(epochs):
        chosen = list(batches([len(pair.ids) for pair in pairs], budget))
        rng.shuffle(chosen)
        summed, tokens = 0.0, 0
        for batch in chosen:
            ids_BT, mask_BT = padded([pairs[i].ids for i in batch], pad_id(tokenizer), device)
            labels_BT = ids_BT.masked_fill(mask_BT == 0, -100)
            for row, i in enumerate(batch):
                labels_BT[row, : pairs[i].start] = -100
            value = model(input_ids=ids_BT, attention_mask=mask_BT, labels=labels_BT).loss
            value.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            count = int((labels_BT != -100).sum())
            summed, tokens = summed + value.item() * count, tokens + count
        loss = summed / tokens
    return loss


def main(argv: Sequence[str] | None = None) -> None:
    """Train the models from a file of JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, help="JSON lines with prompt, gold, rationale and choices")
    parser.add_argument("--start", required=True, help="the causal model to start from, a path or a hub id")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--layout", choices=sorted(LAYOUTS), help="of a task; by default `So the answer is`")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    given = parser.parse_args(argv)
    try:
        with given.rows.open(encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines if line.strip()]
        fit_answer_models(
            rows, given.folds, given.start, given.out, LAYOUTS.get(given.layout), epochs=given.epochs,
            learning_rate=given.learning_rate, report=lambda name, loss: print(f"{name}: loss {loss:.4f}"),
        )  # fmt: skip
    except (OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
