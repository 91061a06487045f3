"""Training in rounds: sample completions, judge them, choose examples, fit on them, evaluate, and repeat.

A finished round consists of its pool file, `pool/round_000.parquet`, and its policy, `rounds/round_000/`. An
interrupted fit resumes from its own checkpoints, `checkpoints/round_000/`. What a round samples depends only on the
seed and the number of the round, so a run that is killed and restarted ends with the same weights.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from accelerate.utils import broadcast_object_list
from peft import PeftConfig
from transformers import Trainer, TrainerCallback

from rewards.models import load as models
from rewards.models.state import move
from rewards.models.types import Model
from rewards.sample import Sample
from rl.algorithms.fit import Fit
from rl.algorithms.guard import Guard, naming_the_last_good
from rl.algorithms.trl_arguments import refusals_named
from rl.analysis.evaluation import Evaluation, EvaluationSettings
from rl.analysis.first_look import odd_rewards
from rl.config.algorithms import Rounds as RoundsSettings
from rl.context import RunContext
from rl.interrupt import stopping_at_once
from rl.policy import load as policies
from rl.policy.sharded import Shards
from rl.rounds.choose import Chooser
from rl.rounds.conditioning import Conditioning
from rl.rounds.draws import Draws, first_sampler
from rl.rounds.finished import FinishedRounds
from rl.rounds.records import FitFolder, FitRecords, numbers_of_round, shown, write_completions
from rl.runs.callbacks import ProgressLine, StopOnSignal
from rl.runs.proxies import Proxies
from rl.runs.run import Run
from rl.storage import pool
from rl.storage.checkpoint_folders import newest_good
from rl.storage.checkpoint_names import step_of
from rl.storage.checkpoints import Checkpoints, ended, refusing_foreign_states, take_up
from rl.storage.run_folder import read_jsonl
from rl.tasks.task import Split


class Rounds(Run):
    """A run in rounds. Its current policy is that of the last finished round.

    Args:
        context: the loaded parts of the run.
    """

    def __init__(self, context: RunContext) -> None:
        super().__init__(context)
        assert isinstance(self.config.algorithm, RoundsSettings)
        self.settings = self.config.algorithm
        self.algorithm = importlib.import_module(self.settings.module)  # dpo, orpo, sft or quark of rl/algorithms
        self.rows = self.task.splits["train"]
        self.draws, self.conditioning = Draws(context), Conditioning(context)
        self.finished = FinishedRounds(self.folder, context.warn)
        start = self.settings.first_sampler or self.policy.path
        self.chooser = Chooser(context, self.algorithm, start, self.draws.sieve)
        self.stop = StopOnSignal(1, self.console)
        self.progress = ProgressLine(self.console, lambda: self.right_on_validation, self.trained_for)
        self.model: Model = self.policy.model
        self._first_sampler = (
            None if self.settings.first_sampler is None else first_sampler(self.config, self.policy, self.task)
        )
        self.done, self.steps = 0, 0

    def train(self) -> None:
        """Run all rounds that are left: sample and judge, choose examples, fit, evaluate."""
        self._resume()
        if not self.done:  # after a round, the current policy is no longer the one that the run started with
            self.measure("test", 0)
            if self.config.evaluation.every:
                self.measure("validation", 0)
        elif self.task.splits["validation"]:  # the run may have stopped between the last round and its evaluation
            self.measure("validation", self.last_step)
        for number in range(self.done, self.settings.rounds):
            samples = self._sample(number) if self.settings.samples else []
            examples = self._choose(number, samples)
            if not examples:
                self.context.warn(
                    f"round {number + 1} of {self.settings.rounds} gives nothing to fit on, no pair or no right "
                    f"completion: the run ends with the current policy"
                )
                break
            self._fit(number, examples)
            if self.task.splits["validation"]:
                self.measure("validation", self.last_step)
        if self.state.is_main_process:
            self._export()

    def _export(self) -> None:
        """Save the policy of the last finished round in the run folder, or the initial policy if there is none."""
        if self.done:
            self.finished.export(self.done - 1, self.folder.model)
        else:
            self.model.save_pretrained(str(self.folder.model))
            self.policy.tokenizer.save_pretrained(self.folder.model)

    def _resume(self) -> None:
        """Load the policy of the last finished round, and delete the records after the last checkpoint."""
        (self.done,) = broadcast_object_list([self.finished.count() if self.state.is_main_process else 0])
        if self.done:
            self.steps = self.finished.steps(self.done - 1)
            self.model = self.load(self.done - 1)
            self._first_sampler = None
        move(self.model, self.state.device)
        if self._first_sampler is not None:
            move(self._first_sampler, self.state.device)
        checkpoint = self._last_checkpoint(self.done)
        inside = step_of(checkpoint) if checkpoint else 0
        if self.done or inside:
            self.context.say(f"resuming {self.folder.path} after {self.done} rounds and {inside} steps")
        if self.state.is_main_process:
            self.finished.delete_later_checkpoints(self.done)
            self.folder.rewind(self.steps + inside)
        self.look_back()
        self.state.wait_for_everyone()

    def _last_checkpoint(self, number: int) -> Path | None:
        """The newest intact checkpoint of a round's fit, as the main process finds it."""
        folder = FitFolder(self.folder, number).checkpoints
        (found,) = broadcast_object_list(
            [newest_good(folder, self.context.warn) if self.state.is_main_process else None]
        )
        return found

    def last_good(self) -> Path | None:
        """The newest checkpoint of the current round, otherwise the policy of the last finished round."""
        checkpoint = newest_good(FitFolder(self.folder, self.done).checkpoints, self.context.warn)
        return checkpoint or (self.finished.policy(self.done - 1) if self.done else None)

    def load(self, number: int | None) -> Model:
        """A fresh copy of a round's policy, or of the initial policy if the number is None."""
        chat = self.task.chat
        path = self.policy.path if number is None else self.finished.policy(number)
        model = policies.load(self.config.policy, path, chat=chat).model
        return self.conditioning.extended(model) if number is None else model

    @property
    def last_step(self) -> int:
        """Number of optimizer steps in all finished rounds."""
        return self.steps

    @contextmanager
    def generating(self) -> Iterator[Model]:
        """The current policy, ready to generate."""
        yield self.model

    def evaluated(self, model: Model, split: Split, settings: EvaluationSettings, progress: Any = None) -> Evaluation:
        """An evaluation; with control tokens, it is conditioned on the best ones and repeated on the worst."""
        once = super().evaluated
        return self.conditioning.evaluated(lambda how: once(model, split, how, progress), settings, self.done)

    def trained_tokens(self) -> float:
        """Number of completion tokens in the pool, also of a round that gave nothing to fit on."""
        drawn = [n for n in range(self.settings.rounds) if pool.path_of(self.folder.pool, n).exists()]
        return sum(len(one.ids) for number in drawn for one in self._pool(number))

    def _pool(self, number: int) -> list[Sample]:
        """The judged samples of a round; empty if the round fits on given examples alone."""
        if not self.settings.samples:
            return []
        return pool.read(self.folder.pool, number, self.rows)

    def _earlier(self, number: int) -> list[Sample]:
        """The samples of earlier rounds that a round may use."""
        first = 0 if self.settings.pool_rounds is None else max(0, number + 1 - self.settings.pool_rounds)
        return [one for earlier in range(first, number) for one in self._pool(earlier)]

    def _sample(self, number: int) -> list[Sample]:
        """The judged samples of a round, from its pool file if that exists.

        Raises:
            KeyboardInterrupt: sampling was interrupted; the resumed run restarts the round.
        """
        (drawn_before,) = broadcast_object_list([pool.path_of(self.folder.pool, number).exists()])
        if not drawn_before:
            try:
                with stopping_at_once():
                    drawn = self._draw(number)
            except KeyboardInterrupt:
                again = f"stopped while sampling round {number + 1}, which will start again."
                self.context.say(f"{again} {self.context.how_to_resume}")
                raise
            if self.state.is_main_process:
                pool.write(self.folder.pool, number, drawn)
            self.state.wait_for_everyone()
        return self._pool(number)

    @property
    def _sampler(self) -> Model:
        """The model that samples the current round: the current policy, or in the first round `first_sampler`."""
        return self.model if self._first_sampler is None else self._first_sampler

    def _draw(self, number: int) -> list[Sample]:
        best, earlier = self.conditioning.best(self.done), self._earlier(number)
        return self.draws.draw(number, self._sampler, best, earlier, self.steps)

    def _choose(self, number: int, samples: list[Sample]) -> list[Any]:
        """Choose the examples to fit on from the pool after a round's sampling, and record figures about them."""
        examples, counts = self.chooser(number, [*self._earlier(number), *samples], samples, self._sampler)
        self._record(number, samples, counts)
        return examples

    def _fit(self, number: int, examples: list[Any]) -> None:
        """Fit on a round's examples, and save the policy.

        Raises:
            KeyboardInterrupt: the fit was interrupted; the resumed run continues from its last checkpoint.
        """
        trainer = self._trainer(number, examples)
        for watching in (Guard(self.console), Proxies(), Shards(self.console)):
            trainer.add_callback(watching)
            watching.watch(trainer)
        checkpoint = self._last_checkpoint(number)
        self.checkpoints.trainer, self.checkpoints.resumed = trainer, checkpoint
        before = self.steps
        with self.stop, naming_the_last_good(self.last_good), refusing_foreign_states(checkpoint):
            if checkpoint is not None and ended(checkpoint):
                take_up(trainer, checkpoint)
            else:
                try:
                    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
                finally:
                    self.progress.close()
            if not self.stop.stopped or trainer.state.global_step >= trainer.state.max_steps:
                self.steps = before + trainer.state.global_step
                self._save(number, trainer)
                self.done = number + 1
                self.model, self._first_sampler = self.load(number), None
                move(self.model, self.state.device)
        if self.stop.agree():
            self.context.say(f"saved in round {number + 1}. {self.context.how_to_resume}")
            raise KeyboardInterrupt

    def _record(self, number: int, samples: Sequence[Sample], counts: Mapping[str, float]) -> None:
        if not self.state.is_main_process:
            return
        if any(row.get("rounds/number") == number for row in read_jsonl(self.folder.metrics)):
            return
        times = {f"time/{phase}": seconds for phase, seconds in self.draws.seconds.items()}
        numbers = {"rounds/number": number, **(numbers_of_round(samples) if samples else {}), **counts, **times}
        numbers |= self.draws.mismatch
        self.log(self.steps, numbers)
        if samples and number == 0:
            for warning in odd_rewards(numbers, list(self.config.rewards)):
                self.context.warn(warning)
        if samples and self.config.logging.completions_every:
            self.trackers.table(self.steps, write_completions(self.folder, self.steps, samples))
        self.context.say(f"round {number + 1}/{self.settings.rounds} · {shown(numbers)}")

    def _trainer(self, number: int, examples: list[Any]) -> Trainer:
        goes_on = self.settings.fit_from == "last" and number > 0
        model = self.load(number - 1 if goes_on else None)
        lora = None if goes_on else self.policy.lora
        saving = FitFolder(self.folder, number)
        self.checkpoints = Checkpoints(saving, self.config.trainer.get("save_total_limit"))
        callbacks: list[TrainerCallback] = [FitRecords(self, number), self.progress, self.stop, self.checkpoints]
        fit = Fit(
            config=self.config,
            model=model,
            reference=self._reference(number, lora),
            tokenizer=self.policy.tokenizer,
            lora=lora,
            folder=saving.staging,
            seed=self.config.seed + number,
            callbacks=callbacks,
            warn=self.context.warn,
            teachers=self.context.teachers,
            round=number,
            control=self.policy.control,
            exam=self._pool(number) if getattr(self.settings, "triplet", None) is not None else (),
        )
        with refusals_named(self.config.trainer):
            return self.algorithm.build(fit, examples)

    def _reference(self, number: int, lora: PeftConfig | None) -> Model | None:
        """The reference policy of a round's fit; None if the fit needs no separate one."""
        if not self.settings.uses_reference:
            return None
        earlier = number - 1 if getattr(self.settings, "reference", "base") == "last" and number > 0 else None
        # the base model is the policy with a new adapter switched off; any other reference is a separate copy
        return None if lora is not None and earlier is None else models.merged(self.load(earlier))

    def _save(self, number: int, trainer: Trainer) -> None:
        """Save the policy of a round atomically."""
        draft = self.finished.draft(number)
        trainer.save_model(str(draft))
        if self.state.is_main_process:
            self.policy.tokenizer.save_pretrained(draft)
            self.conditioning.save(draft, number)
            self.finished.publish(number, self.steps)
        self.state.wait_for_everyone()
