r"""Self-generated process feedback: in each round, steps are labelled and a reward model is trained on the labels.

As in SIPF (Chen et al. 2024, arXiv:2412.08393; code ChenKy23/SIPF), the round's policy draws K continuations of each
step of the pool's samples, and the step is right if a share above $\delta$ reaches the answer (`rl/prm/label.py`). A
process reward model (PRM) learns the labels (`rl/prm/train.py`), together with the gold solutions, all of whose steps
are right. A sample's score is the mean of its steps' probabilities,

$$ R(\tau) = \frac{1}{T} \sum_{t=1}^{T} p_{PRM}(\text{step } t \text{ is right}), $$

and a right and a wrong sample of a problem make a pair if $R(\tau_w) - R(\tau_l) > \eta$, which is `pairs.margin`.
The next round labels the whole pool again with its own policy and trains another PRM from the same start.

The authors use stronger models than the policy for continuations and PRM (7B parameters); here both come from the
policy itself, so the labels mean something only once it often reaches the answer from a right step. The mean averages
away a single fatal step; `final: min` is Math-Shepherd's rule. With `labels: outcome`, each step gets the verdict on
the answer, which gives the authors' outcome reward model.

A round's labels, model and scores are in `process/round_000`, which either is complete or does not exist.
"""

from __future__ import annotations

import json
import re
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rewards.models.room import positions
from rewards.models.types import Model
from rewards.parts.step_scores import FINAL
from rewards.parts.step_spans import Splitter
from rewards.sample import Sample
from rl.config.feedback import Process
from rl.context import RunContext
from rl.errors import UserError
from rl.prm import train as prm
from rl.prm.complete import Completer
from rl.prm.label import agreement, by_monte_carlo, by_verifier
from rl.prm.labelled import label, scores_of, verified_labels, write
from rl.prm.scores import step_scores
from rl.prm.step_metrics import step_auc
from rl.progress import completions_bar
from rl.sampling.judge import judge
from rl.storage.run_folder import sync, write_atomically


class ProcessScores:
    """Scores the samples of each round.

    Args:
        run: the context of a run in rounds.
        settings: the config's `algorithm.process`.
        start: folder or hub id of the policy that sampled the first round.

    Raises:
        UserError: the run has several processes, or its task lacks what the settings need.
    """

    def __init__(self, run: RunContext, settings: Process, start: str) -> None:
        self.run, self.settings = run, settings
        self.start = start if settings.start == "sampler" else settings.start
        verifier = run.task.verifier
        if run.state.num_processes > 1:
            raise UserError("algorithm.process", "labels and trains on one process; run it without accelerate launch")
        if settings.labels == "verifier" and not verifier.judges_steps:
            raise UserError("algorithm.process.labels", f"verifier {verifier.name!r} does not judge steps")
        if settings.gold and run.task.solve is None:
            raise UserError("algorithm.process.gold", "the task has no solutions of its own; set gold: false")
        pattern = None if settings.pattern is None else re.compile(settings.pattern)
        lines = "\n" if not verifier.judges_steps and pattern is None else None
        self.splitter = Splitter(settings.separator or lines, pattern)

    def scored(self, number: int, samples: Sequence[Sample], policy: Model) -> tuple[list[Sample], dict[str, Any]]:
        """The samples with their process score as reward, and figures for the log.

        Args:
            number: number of the round, from 0.
            samples: the judged samples from which pairs are made, including those of earlier rounds.
            policy: the policy that sampled the round.

        Raises:
            UserError: all labels are equal, so a model has nothing to learn.
        """
        folder = self.run.folder.path / "process" / f"round_{number:03d}"
        if not folder.exists():
            self._make(folder, number, samples, policy)
        made: dict[str, Any] = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
        final = FINAL[self.settings.final]
        scores = [final(of) if of else 0.0 for of in made["scores"]]
        return [replace(one, reward=score) for one, score in zip(samples, scores, strict=True)], made["figures"]

    def _make(self, folder: Path, number: int, samples: Sequence[Sample], policy: Model) -> None:
        """Label the samples, train on them, score them, and write all results into the folder at once."""
        draft = folder.with_name(f".{folder.name}")
        shutil.rmtree(draft, ignore_errors=True)
        labelled = self._labelled(number, samples, policy)
        with_gold = [*labelled, *self._gold(samples)] if self.settings.gold else labelled
        write(draft / "labels.jsonl", with_gold)
        how = self.settings
        trained = prm.TrainSettings(
            head=how.head,
            epochs=how.epochs,
            batch=how.batch,
            learning_rate=how.learning_rate,
            lora=how.lora,
            max_length=positions(policy),
            lm_weight=how.lm_weight,
            validation=0.0,
            seed=self.run.config.seed + number,
        )
        self.run.say(f"round {number + 1}: training a reward model on {len(with_gold):,} labelled completions")
        figures = prm.train(self.start, with_gold, draft / "model", trained, made_by=how.labels)
        model, tokenizer = prm.load(draft / "model")
        scores = step_scores(model, tokenizer, labelled)
        numbers = {
            "process/labelled": sum(score is not None for one in labelled for score in scores_of(one.labels)),
            "process/loss": figures["train_loss"],
            **against_the_verifier(labelled, scores),
        }
        write_atomically(draft / "scores.json", json.dumps({"figures": numbers, "scores": scores}) + "\n")
        draft.rename(folder)
        sync(folder.parent)

    def _labelled(self, number: int, samples: Sequence[Sample], policy: Model) -> list[Sample]:
        """The samples with a label for each of their steps."""
        how, verifier = self.settings, self.run.task.verifier
        if how.labels == "verifier":
            return by_verifier(samples, verifier, self.splitter)[0]
        if how.labels == "outcome":
            return [self._with_labels(one, None if one.right is None else float(one.right)) for one in samples]
        parameters = {**self.run.config.sampling.parameters}
        longest = how.max_tokens or parameters["max_tokens"]
        for own in ("max_tokens", "temperature", "chat_template_kwargs"):
            parameters.pop(own)
        completer = Completer(
            policy,
            self.run.tokenizer,
            f"round {number}",
            longest,
            temperature=how.temperature,
            seed=self.run.config.seed + number,
            parameters=parameters,
        )
        with completions_bar(self.run.console, f"step prefixes of round {number + 1}", len(samples)) as progress:
            done, _ = by_monte_carlo(
                samples,
                verifier,
                self.splitter,
                completer,
                how.k,
                kind="hard",
                threshold=how.threshold,
                template_kwargs=self.run.config.sampling.chat_template_kwargs,
                progress=progress,
            )
        return done

    def _gold(self, samples: Sequence[Sample]) -> list[Sample]:
        """The task's own solutions of the samples' problems, every step of which is right."""
        solve = self.run.task.solve
        assert solve is not None, "checked at the start"
        rows = list({one.index: one.row for one in samples}.values())
        solutions = judge([Sample(row, solve(row), [], "stop") for row in rows], self.run.task.verifier)
        return [self._with_labels(one, 1.0) for one in solutions]

    def _with_labels(self, sample: Sample, value: float | None) -> Sample:
        spans = self.splitter(sample.text, sample.verdict)
        return replace(sample, labels=tuple(label(*span, value) for span in spans))


def against_the_verifier(samples: Sequence[Sample], scores: Sequence[Sequence[float]]) -> dict[str, float]:
    """How labels and scores compare with the task verifier's verdicts on steps; empty if it does not judge steps.

    Args:
        samples: labelled and judged samples.
        scores: the model's scores of their steps.
    """
    labels = agreement(samples, 0.5)
    pairs = [
        (score, exact)
        for one, of in zip(samples, scores, strict=True)
        for score, exact in zip(of, verified_labels(one) or [None] * len(of), strict=True)
        if exact is not None
    ]
    found = {
        "process/labels_agree": labels["agree"],
        "process/labels_auc": labels["auc"],
        "process/step_auc": step_auc([score for score, _ in pairs], [exact for _, exact in pairs]) if pairs else None,
    }
    rights = [statistics.fmean(of) for one, of in zip(samples, scores, strict=True) if of and one.right]
    wrongs = [statistics.fmean(of) for one, of in zip(samples, scores, strict=True) if of and one.right is False]
    if rights and wrongs:
        found |= {"process/score_right": statistics.fmean(rights), "process/score_wrong": statistics.fmean(wrongs)}
    return {name: value for name, value in found.items() if value is not None}
