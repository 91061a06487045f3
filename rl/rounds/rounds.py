"""Training in rounds: sample K completions of each prompt → judge → choose examples → fit → evaluate, n times.

A finished round is its pool file, `pool/round_000.parquet`, and its policy, `rounds/round_000/`; a fit that was cut off
goes on from its own checkpoints, `checkpoints/round_000/`. What a round samples is decided by the seed and its number
alone, so that a run that was killed and started again ends with the same weights.
"""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from accelerate.utils import broadcast_object_list
from peft import PeftConfig
from transformers import Trainer, TrainerCallback

from rewards.models import load as models
from rewards.models.generate import Engine, eos_token_ids
from rewards.models.state import move
from rewards.models.types import Model
from rewards.sample import Sample
from rl.algorithms.fit import Fit
from rl.algorithms.guard import Guard, naming_the_last_good
from rl.analysis.first_look import odd_rewards
from rl.config.algorithms import Rounds as RoundsSettings
from rl.context import RunContext
from rl.examples.pairs import Pair
from rl.policy import load as policies
from rl.rounds.draws import Draws
from rl.rounds.records import FitFolder, FitRecords, both_fell, numbers_of_round, write_completions
from rl.runs.callbacks import ProgressLine, StopOnSignal, stopping_at_once
from rl.runs.run import Run
from rl.sampling.vllm import Vllm, VllmServer
from rl.storage import pool
from rl.storage.checkpoints import MANIFEST, Checkpoints, ended, newest_good, problem, seal, step_of, take_up
from rl.storage.run_folder import read_jsonl, sync, write_atomically


class Rounds(Run):
    """A run in rounds: the policy as it stands after the last finished one.

    Args:
        context: what the run is made of.
    """

    def __init__(self, context: RunContext) -> None:
        super().__init__(context)
        assert isinstance(self.config.algorithm, RoundsSettings)
        self.settings = self.config.algorithm
        self.algorithm = importlib.import_module(self.settings.module)
        self.rows = self.task.splits["train"]
        self.draws = Draws(context)
        self.stop, self.progress = StopOnSignal(1, self.console), ProgressLine(self.console)
        self.model: Model = self.policy.model
        self.done, self.steps = 0, 0

    def train(self) -> None:
        """Each round: sample and judge, choose examples, fit, evaluate; from where the run folder stands."""
        self._resume()
        if not self.done:  # what stands after the last round is not the policy that the run began with
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
                    f"completion: the run ends with the policy as it is"
                )
                break
            self._fit(number, examples)
            if self.task.splits["validation"]:
                self.measure("validation", self.last_step)
        if self.state.is_main_process:
            self._export()

    def _export(self) -> None:
        """Leave the policy of the last finished round in the run folder, or the one that the run began with."""
        if not self.done:
            self.policy.model.save_pretrained(str(self.folder.model))
            self.policy.tokenizer.save_pretrained(self.folder.model)
            return
        shutil.copytree(self.saved(self.done - 1), self.folder.model, dirs_exist_ok=True)
        for file in ("round.json", MANIFEST):
            self.folder.model.joinpath(file).unlink()

    def _resume(self) -> None:
        """Take up the last finished round, and drop the records of what came after the last checkpoint."""
        (self.done,) = broadcast_object_list([self._finished() if self.state.is_main_process else 0])
        if self.done:
            self.steps = json.loads((self.saved(self.done - 1) / "round.json").read_text())["steps"]
            self.model = self.load(self.done - 1)
        move(self.model, self.state.device)
        checkpoint = self._last_checkpoint(self.done)
        inside = step_of(checkpoint) if checkpoint else 0
        if self.done or inside:
            self.context.say(f"resuming {self.folder.path} after {self.done} rounds and {inside} steps")
        if self.state.is_main_process:
            self.folder.rewind(self.steps + inside)
        self.state.wait_for_everyone()

    def _finished(self) -> int:
        """Rounds that are finished and whole. What follows a broken one is made again, so its checkpoints go."""
        done = 0
        while (saved := self.saved(done)).exists():
            if (what := problem(saved)) is not None:
                self.context.warn(f"{saved} is broken ({what}); its fit ends anew")
                break
            done += 1
        number = done + 1
        while (later := self.folder.checkpoints / f"round_{number:03d}").exists():
            shutil.rmtree(later)
            number += 1
        return done

    def _last_checkpoint(self, number: int) -> Path | None:
        """The newest checkpoint of a round's fit that is whole; the main process says which."""
        folder = FitFolder(self.folder, number).checkpoints
        (found,) = broadcast_object_list(
            [newest_good(folder, self.context.warn) if self.state.is_main_process else None]
        )
        return found

    def saved(self, number: int) -> Path:
        """Where a round's policy is."""
        return self.folder.path / "rounds" / f"round_{number:03d}"

    def last_good(self) -> Path | None:
        """The newest checkpoint of the round under way, or else the last finished round's policy."""
        checkpoint = newest_good(FitFolder(self.folder, self.done).checkpoints, self.context.warn)
        return checkpoint or (self.saved(self.done - 1) if self.done else None)

    def load(self, number: int | None) -> Model:
        """A fresh copy of the policy that the run began with (None), or of a round's."""
        chat = not isinstance(self.task.splits["train"][0]["prompt"], str)
        path = self.policy.path if number is None else self.saved(number)
        return policies.load(self.config.policy, path, chat=chat).model

    @property
    def last_step(self) -> int:
        """Optimizer steps of all finished rounds."""
        return self.steps

    @contextmanager
    def generating(self) -> Iterator[Model]:
        """The policy as it is, ready to generate."""
        yield self.model

    def trained_tokens(self) -> float:
        """Tokens in the pool."""
        return sum(len(one.ids) for number in range(self.done) for one in self._pool(number))

    def _pool(self, number: int) -> list[Sample]:
        """The judged samples of a round; none where it fitted on given examples alone."""
        if not self.settings.samples:
            return []
        return pool.read(self.folder.pool, number, self.rows)

    def _sample(self, number: int) -> list[Sample]:
        """The judged samples of a round, from its pool file where there is one.

        Raises:
            KeyboardInterrupt: sampling was interrupted; the round begins anew on resuming.
        """
        if not pool.path_of(self.folder.pool, number).exists():
            try:
                with stopping_at_once():
                    drawn = self._draw(number)
            except KeyboardInterrupt:
                again = f"stopped in the sampling of round {number + 1}, which begins anew."
                self.context.say(f"{again} {self.context.how_to_resume}")
                raise
            if self.state.is_main_process:
                pool.write(self.folder.pool, number, drawn)
            self.state.wait_for_everyone()
        return self._pool(number)

    def _draw(self, number: int) -> list[Sample]:
        return self.draws.draw(number, self._generator(number))

    def _generator(self, number: int) -> Model | Engine:
        """What a round is sampled from: the policy, or vLLM with its weights."""
        engine = self.config.sampling.engine
        if engine == "transformers":
            return self.model
        ends = eos_token_ids(self.model, self.policy.tokenizer)
        merged = models.merged(self.load(number - 1 if number else None))
        if engine == "vllm_server":
            assert self.config.sampling.server is not None, "checked with the config"
            server = VllmServer(self.config.sampling.server, eos_token_ids=ends)
            if self.state.is_main_process:
                move(merged, self.state.device)
                server.update(merged)
            self.state.wait_for_everyone()
            return server
        weights = self.folder.path / "rounds" / ".sampled_from"
        if self.state.is_main_process:
            merged.save_pretrained(str(weights))
            self.policy.tokenizer.save_pretrained(weights)
        self.state.wait_for_everyone()
        return Vllm(str(weights), eos_token_ids=ends)

    def _choose(self, number: int, samples: list[Sample]) -> list[Sample | Pair]:
        """Examples to fit on, from the pool as it is after a round's sampling; what was chosen is recorded."""
        first = 0 if self.settings.pool_rounds is None else max(0, number + 1 - self.settings.pool_rounds)
        seen = [one for earlier in range(first, number) for one in self._pool(earlier)] + samples
        examples, counts = self.algorithm.examples(seen, self.settings) if seen else ([], {})
        if (given := self.context.given) is not None:
            examples, counts = [*examples, *given.examples], {**counts, **given.counts}
        self._record(number, samples, counts)
        return examples

    def _fit(self, number: int, examples: list[Sample | Pair]) -> None:
        """Fit on a round's examples, and save the policy.

        Raises:
            KeyboardInterrupt: the fit was interrupted; it goes on from its last checkpoint on resuming.
        """
        trainer, guard = self._trainer(number, examples), Guard(self.console)
        trainer.add_callback(guard)
        guard.watch(trainer)
        checkpoint = self._last_checkpoint(number)
        self.checkpoints.trainer, self.checkpoints.resumed = trainer, checkpoint
        before = self.steps
        with self.stop, naming_the_last_good(self.last_good):
            if checkpoint is not None and ended(checkpoint):
                take_up(trainer, checkpoint)
            else:
                try:
                    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
                finally:
                    self.progress.close()
            if not self.stop.stopped or trainer.state.global_step >= trainer.state.max_steps:
                self.steps = before + trainer.state.global_step
                self._warn_of_fall(number, before)
                self._save(number, trainer)
                self.done = number + 1
                self.model = self.load(number)
                move(self.model, self.state.device)
        if self.stop.stopped:
            self.context.say(f"saved in round {number + 1}. {self.context.how_to_resume}")
            raise KeyboardInterrupt

    def _record(self, number: int, samples: Sequence[Sample], counts: Mapping[str, float]) -> None:
        there = any(row.get("rounds/number") == number for row in read_jsonl(self.folder.metrics))
        if not self.state.is_main_process or there:
            return
        numbers = {"rounds/number": number, **(numbers_of_round(samples) if samples else {}), **counts}
        self.log(self.steps, numbers)
        if samples and number == 0:
            for warning in odd_rewards(numbers, list(self.config.rewards)):
                self.context.warn(warning)
        if samples and self.config.logging.completions_every:
            self.trackers.table(self.steps, write_completions(self.folder, self.steps, samples))
        shown = " · ".join(
            f"{name.removeprefix('rounds/')} {value:.4g}"
            for name, value in numbers.items()
            if value is not None and name.startswith("rounds/")
        )
        self.context.say(f"round {number + 1}/{self.settings.rounds} · {shown}")

    def _warn_of_fall(self, number: int, before: int) -> None:
        if (fell := both_fell(self.folder, before, self.steps)) is not None:
            self.context.warn(
                f"over the fit of round {number + 1} the log-probability of chosen and of rejected both fell "
                f"({fell['chosen']:.2f} and {fell['rejected']:.2f} nats); a lower trainer.learning_rate, a larger "
                f"trainer.beta or algorithm.nll holds the chosen ones up"
            )

    def _trainer(self, number: int, examples: list[Sample | Pair]) -> Trainer:
        settings = self.settings
        goes_on = settings.fit_from == "last" and number > 0
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
        )
        return self.algorithm.build(fit, examples)

    def _reference(self, number: int, lora: PeftConfig | None) -> Model | None:
        """The reference policy of a round's fit; None where the fit has none of its own."""
        if not self.settings.uses_reference:
            return None
        earlier = number - 1 if getattr(self.settings, "reference", "base") == "last" and number > 0 else None
        # a fresh adapter switched off is the base; every other reference is a copy of its own
        return None if lora is not None and earlier is None else models.merged(self.load(earlier))

    def _save(self, number: int, trainer: Trainer) -> None:
        """The round's policy, under its name only when it is whole."""
        target = self.saved(number)
        draft = target.with_name(f".{target.name}")
        trainer.save_model(str(draft))
        if self.state.is_main_process:
            self.policy.tokenizer.save_pretrained(draft)
            write_atomically(draft / "round.json", json.dumps({"steps": self.steps}) + "\n")
            seal(draft)
            shutil.rmtree(target, ignore_errors=True)
            draft.rename(target)
            sync(target.parent)
        self.state.wait_for_everyone()
