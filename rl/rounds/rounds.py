"""Training in rounds: sample K completions a prompt → judge → credit → fit → evaluate, n times.

A finished round is its pool file, `pool/round_000.parquet`, and its policy, `rounds/round_000/`; a fit that was cut off
goes on from its own checkpoints, `checkpoints/round_000/`. What a round samples is decided by the seed and its number
alone, so that a run that was killed and started again ends with the same weights.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from peft import PeftModel
from rich.console import Console
from transformers import TrainerCallback, TrainerState

from rewards.mixing.mix import Mix
from rewards.models.generate import eos_token_ids
from rl.algorithms import dpo, orpo, sft
from rl.algorithms.guard import Guard, naming_the_last_good
from rl.config import Config
from rl.config.algorithms import Dpo, Orpo, Sft
from rl.errors import UserError
from rl.examples.keep import keep
from rl.examples.pairs import pairs
from rl.policy import load as policies
from rl.policy.load import Policy
from rl.rounds.draws import Draws
from rl.rounds.records import FitFolder, FitRecords, both_fell, numbers_of_round, start_wandb, write_completions
from rl.runs.callbacks import ProgressLine, StopOnSignal, stopping_at_once
from rl.runs.run import Run
from rl.sampling.vllm import Vllm, VllmServer
from rl.storage import pool
from rl.storage.checkpoints import MANIFEST, Checkpoints, newest_good, problem, seal, step_of
from rl.storage.pool import Sample
from rl.storage.run_folder import RunFolder, read_jsonl, sync, write_atomically
from rl.tasks.task import Task


def train(
    config: Config,
    task: Task,
    policy: Policy,
    mix: Mix,
    folder: RunFolder,
    state: PartialState,
    console: Console,
    started: float,
    command: str,
) -> dict[str, Any] | None:
    """All rounds, from where the run folder stands, and the summary on the main process.

    Raises:
        UserError: a round gives nothing to fit on.
        NotFinite: ten steps in a row had a loss or gradients that are NaN or infinite.
        KeyboardInterrupt: the run was interrupted; what is done is saved.
    """
    if state.is_main_process and config.logging.wandb != "disabled":
        start_wandb(config, folder)
    run = Rounds(config, task, policy, mix, folder, state, console)
    run.resume()
    run.measure("test", 0)
    if config.evaluation.every:
        run.measure("validation", 0)
    for number in range(run.done, run.algorithm.rounds):
        try:
            with stopping_at_once():
                samples = run.sampled(number)
        except KeyboardInterrupt:
            how = f"To resume: {command or 'the same command again'}"
            console.print(f"stopped in the sampling of round {number + 1}, which begins anew. {how}", highlight=False)
            raise
        with run.stop, naming_the_last_good(run.last_good):
            run.fit(number, samples)
        if run.stop.stopped:
            console.print(f"saved in round {number + 1}. To resume: {command or 'the same command again'}")
            raise KeyboardInterrupt
        if task.splits["validation"]:
            run.measure("validation", run.last_step)
    if state.is_main_process:
        shutil.copytree(run.saved(run.algorithm.rounds - 1), folder.model, dirs_exist_ok=True)
        for file in ("round.json", MANIFEST):
            folder.model.joinpath(file).unlink()
    return run.finish(started)


class Rounds(Run):
    """The rounds of a run: the policy as it stands after the last finished one."""

    def __init__(
        self,
        config: Config,
        task: Task,
        policy: Policy,
        mix: Mix,
        folder: RunFolder,
        state: PartialState,
        console: Console,
    ) -> None:
        super().__init__(config, task, policy, folder, state, console)
        self.mix = mix
        assert isinstance(config.algorithm, Dpo | Orpo | Sft)
        self.algorithm = config.algorithm
        self.stop, self.progress = StopOnSignal(1, console), ProgressLine(console)
        self.base = str(policy.model.config._name_or_path)
        self.model: Any = policy.model
        self.done, self.steps = 0, 0

    def resume(self) -> None:
        """Take up the last finished round, and drop the records of what came after the last checkpoint."""
        (self.done,) = broadcast_object_list([self._finished() if self.state.is_main_process else 0])
        if self.done:
            self.steps = json.loads((self.saved(self.done - 1) / "round.json").read_text())["steps"]
            self.model = self.load(self.done - 1)
        self.model.to(self.state.device)
        checkpoint = self._last_checkpoint(self.done)
        inside = step_of(checkpoint) if checkpoint else 0
        if self.done or inside:
            self.console.print(
                f"resuming {self.folder.path} after {self.done} rounds and {inside} steps", highlight=False
            )
        if self.state.is_main_process:
            self.folder.rewind(self.steps + inside)
        self.state.wait_for_everyone()

    def _finished(self) -> int:
        """Rounds that are finished and whole. What follows a broken one is made again, so its checkpoints go."""
        done = 0
        while (saved := self.saved(done)).exists():
            if (what := problem(saved)) is not None:
                self.warn(f"{saved} is broken ({what}); its fit ends anew")
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
        (found,) = broadcast_object_list([newest_good(folder, self.warn) if self.state.is_main_process else None])
        return found

    def saved(self, number: int) -> Path:
        """Where a round's policy is."""
        return self.folder.path / "rounds" / f"round_{number:03d}"

    def last_good(self) -> Path | None:
        """The newest checkpoint of the round under way, or else the last finished round's policy."""
        checkpoint = newest_good(FitFolder(self.folder, self.done).checkpoints, self.warn)
        return checkpoint or (self.saved(self.done - 1) if self.done else None)

    def load(self, number: int | None, *, merged: bool = False, trainable: bool = False) -> Any:
        """A fresh copy of the base policy (None), or of a round's.

        Args:
            number: the round.
            merged: whether adapters become part of the weights, for a reference.
            trainable: whether adapters go on learning.
        """
        chat = not isinstance(self.task.splits["train"][0]["prompt"], str)
        adapters = self.policy.lora is not None
        path = self.base if number is None or adapters else str(self.saved(number))
        model: Any = policies.load(self.config.policy, path, chat=chat).model
        if number is not None and adapters:
            model = PeftModel.from_pretrained(model, str(self.saved(number)), is_trainable=trainable)
            model = model.merge_and_unload() if merged else model
        return model

    @property
    def last_step(self) -> int:
        """Optimizer steps of all finished rounds."""
        return self.steps

    @contextmanager
    def generating(self) -> Iterator[Any]:
        """The policy as it is, ready to generate."""
        yield self.model

    def trained_tokens(self) -> float:
        """Tokens in the pool."""
        return sum(len(s.completion_ids) for n in range(self.done) for s in pool.read(self.folder.path / "pool", n))

    def sampled(self, number: int) -> list[Sample]:
        """The judged samples of a round, from its pool file where there is one."""
        folder = self.folder.path / "pool"
        if not pool.path_of(folder, number).exists():
            drawn = self._draw(number)
            if self.state.is_main_process:
                pool.write(folder, number, drawn)
            self.state.wait_for_everyone()
        return pool.read(folder, number)

    def _draw(self, number: int) -> list[Sample]:
        draws = Draws(self.config, self.task, self.mix, self.policy.tokenizer, self.state, self.console)
        return draws.draw(number, self._generator(number))

    def _generator(self, number: int) -> Any:
        """What a round is sampled from: the policy, or vLLM with its weights."""
        engine = self.config.sampling.engine
        if engine == "transformers":
            return self.model
        ends = eos_token_ids(self.model, self.policy.tokenizer)
        merged = self.load(number - 1 if number else None, merged=True)
        if engine == "vllm_server":
            assert self.config.sampling.server is not None, "checked with the config"
            server = VllmServer(self.config.sampling.server, eos_token_ids=ends)
            if self.state.is_main_process:
                server.update(merged.to(self.state.device))
            self.state.wait_for_everyone()
            return server
        weights = self.folder.path / "rounds" / ".sampled_from"
        if self.state.is_main_process:
            merged.save_pretrained(weights)
            self.policy.tokenizer.save_pretrained(weights)
        self.state.wait_for_everyone()
        return Vllm(str(weights), eos_token_ids=ends)

    def fit(self, number: int, samples: list[Sample]) -> None:
        """Fit on the pool as it is after a round's sampling, and save the policy."""
        algorithm, folder = self.algorithm, self.folder.path / "pool"
        first = 0 if algorithm.pool_rounds is None else max(0, number + 1 - algorithm.pool_rounds)
        past = [one for n in range(first, number) for one in pool.read(folder, n)]
        seen = past + samples
        if isinstance(algorithm, Sft):
            settings = algorithm.keep
            used: list[Any] = keep(seen, threshold=settings.threshold, quota=settings.quota, distinct=settings.distinct)
            hinted = sum(one.hinted for one in used) / max(len(used), 1)
            counts = {"rounds/kept": len(used), "rounds/hinted": hinted}
        else:
            used = pairs(seen, **algorithm.pairs.model_dump())
            counts = {"rounds/pairs": len(used)}
        if not used:
            raise UserError("algorithm", f"round {number + 1} gives nothing to fit on: no pair or no right completion")
        self._record(number, samples, counts)
        trainer, guard = self._trainer(number, used), Guard(self.console)
        trainer.add_callback(guard)
        guard.watch(trainer)
        checkpoint = self._last_checkpoint(number)
        self.checkpoints.trainer, self.checkpoints.resumed = trainer, checkpoint
        before = self.steps
        if checkpoint is not None and ended(checkpoint):  # Trainer would take one step more
            trainer._load_from_checkpoint(str(checkpoint))
            trainer.state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
        else:
            try:
                trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
            finally:
                self.progress.close()
        if self.stop.stopped and trainer.state.global_step < trainer.state.max_steps:
            return
        self.steps = before + trainer.state.global_step
        self._warn_of_fall(number, before)
        self._save(number, trainer)
        self.done = number + 1
        self.model = self.load(number)
        self.model.to(self.state.device)

    def _record(self, number: int, samples: Sequence[Sample], counts: Mapping[str, float]) -> None:
        there = any(row.get("rounds/number") == number for row in read_jsonl(self.folder.metrics))
        if not self.state.is_main_process or there:
            return
        numbers = {"rounds/number": number, **numbers_of_round(samples), **counts}
        self.log(self.steps, numbers)
        if self.config.logging.completions_every:
            write_completions(self.folder, self.steps, samples)
        shown = " · ".join(f"{n.removeprefix('rounds/')} {v:.4g}" for n, v in numbers.items() if v is not None)
        self.console.print(f"round {number + 1}/{self.algorithm.rounds} · {shown}", highlight=False)

    def _warn_of_fall(self, number: int, before: int) -> None:
        if (fell := both_fell(self.folder, before, self.steps)) is not None:
            self.warn(
                f"over the fit of round {number + 1} the log-probability of chosen and of rejected both fell "
                f"({fell['chosen']:.2f} and {fell['rejected']:.2f} nats); a lower trainer.learning_rate, a larger "
                f"trainer.beta or algorithm.nll holds the chosen ones up"
            )

    def _trainer(self, number: int, used: list[Any]) -> Any:
        algorithm, tokenizer = self.algorithm, self.policy.tokenizer
        goes_on = algorithm.fit_from == "last" and number > 0
        model = self.load(number - 1 if goes_on else None, trainable=True)
        lora = None if goes_on else self.policy.lora
        saving, seed = FitFolder(self.folder, number), self.config.seed + number
        self.checkpoints = Checkpoints(saving, self.config.trainer.get("save_total_limit"))
        folder = saving.staging
        callbacks: list[TrainerCallback] = [FitRecords(self, number), self.progress, self.stop, self.checkpoints]
        if isinstance(algorithm, Sft):
            return sft.build(self.config, model, tokenizer, lora, used, folder, seed, callbacks)
        if isinstance(algorithm, Orpo):
            return orpo.build(self.config, model, tokenizer, lora, used, folder, seed, callbacks)
        earlier = number - 1 if algorithm.reference == "last" and number > 0 else None
        # a fresh adapter switched off is the base; every other reference is a copy of its own
        reference = None if lora is not None and earlier is None else self.load(earlier, merged=True)
        return dpo.build(self.config, model, reference, tokenizer, lora, used, folder, seed, callbacks)

    def _save(self, number: int, trainer: Any) -> None:
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


def ended(checkpoint: Path) -> bool:
    """Whether a checkpoint is the last of its fit."""
    state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
    return state.global_step >= state.max_steps
