"""Runs a config at its smallest: every stage, killed once and resumed, hostile answers, evaluation and report."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table

from rl import setup, tasks
from rl.analysis.evaluate_models import configs, evaluate_models
from rl.analysis.paired import STATED
from rl.analysis.reports.report import write_report
from rl.config import Config, dump, load, load_stages
from rl.errors import UserError
from rl.policy.load import load as load_policy
from rl.runs import plan
from rl.smoke import hostile, stand_ins
from rl.smoke.shrink import StandIns, replaced, shrink
from rl.storage.run_folder import RunFolder
from rl.terminal import Terminal

LIMIT = 300.0
"""Seconds that a training command may take."""
POLL = 0.02


@dataclass
class Smoke:
    """A smoke run: the smaller config, and what passed and failed so far.

    Attributes:
        work: the folder of everything that it makes.
        stages: stage → the smaller config; a single run has the name "".
        rows: (what was run, whether it passed, the reason or the details).
        notes: what was replaced.
    """

    work: Path
    console: Console
    stages: dict[str, Config] = field(default_factory=dict)
    rows: list[tuple[str, bool, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """The smaller config as a file."""
        return self.work / "config.yaml"

    @property
    def passed(self) -> bool:
        """Whether everything passed."""
        return all(passed for _, passed, _ in self.rows)

    def step(self, what: str, run: Callable[[], str]) -> bool:
        """Run one part. An error of any kind is recorded as its result, since smoke runs look for errors.

        Args:
            what: the name of the part.
            run: returns the details, or raises an error.
        """
        started = time.perf_counter()
        try:
            passed, said = True, run()
        except Exception as error:
            passed, said = False, f"{type(error).__name__}: {error}"
            if isinstance(error, UserError | Failed):
                said = str(error)
        self.rows.append((what, passed, said))
        self.console.print(f"{what}: {'passed' if passed else 'FAILED'} ({time.perf_counter() - started:.0f} s)")
        return passed


class Failed(Exception):
    """A part of a smoke run failed."""


def smoke(path: str, overrides: Sequence[str]) -> bool:
    """Run a config at its smallest, and print what passed and what failed.

    Args:
        path: a config file, of one run or of stages.
        overrides: `key=value`.

    Returns:
        Whether everything passed. If not, the files are kept and their folder is printed.

    Raises:
        UserError: the config itself is wrong.
    """
    loaded = load_stages(path, overrides) or {"": load(path, overrides)}
    work = Path(tempfile.mkdtemp(prefix="whetstone-smoke-"))
    one = Smoke(work, Terminal(soft_wrap=True))
    started = time.perf_counter()
    if one.step("config made smaller", lambda: _shrink(one, loaded)):
        setup.quiet(one.stages[next(iter(one.stages))])
        for stage, config in one.stages.items():
            of = f" of {stage}" if stage else ""
            one.step(f"data and verifier{of}", lambda config=config: _check(config))
            one.step(f"hostile answers, verifier{of}", lambda config=config: _hostile_to_verifier(config))
            if config.rewards:
                one.step(f"hostile answers, rewards{of}", lambda config=config: _hostile_to_rewards(one, config))
        if one.step("training, killed with SIGKILL", lambda: _killed(one)) and one.step(
            "training, resumed to its end", lambda: _resumed(one)
        ):
            one.step("evaluation", lambda: _evaluated(one))
            one.step("report", lambda: _reported(one))
    _print(one, path, time.perf_counter() - started)
    if one.passed:
        shutil.rmtree(work)
    return one.passed


def _shrink(one: Smoke, loaded: dict[str, Config]) -> str:
    """Make the stand-ins and the smaller config, and write it."""
    runs, models = one.work / "runs", one.work / "models"
    stand_ins.process_model(models / "process")
    first = next(iter(loaded.values()))
    if first.policy.model != "embedded":
        one.notes.append(stand_ins.policy(first.policy.model, models / "policy"))
    else:
        one.notes.append("embedded: a smaller one, warmed up for 100 steps")
    moved: dict[str, str] = {}
    for stage, config in loaded.items():
        made = one.work / f"data{f'_{stage}' if stage else ''}"
        made.mkdir()
        rows = stand_ins.data(config, made)
        one.notes += [f"{source} is not on this machine: made-up rows" for source in stand_ins.absent(config)]
        one.notes += replaced(config)
        folder = runs / config.run_folder.parent.name if stage else runs
        with_ = StandIns(str(folder), str(models / "policy"), str(models / "process"), rows, moved)
        one.stages[stage] = shrink(config, with_)
        moved = {**moved, str(config.run_folder / "model"): str(one.stages[stage].run_folder / "model")}
    if "" in loaded:
        one.file.write_text(dump(one.stages[""]), encoding="utf-8")
    else:
        one.file.write_text(_of_stages(first.run_folder.parent.name, runs, one.stages), encoding="utf-8")
    one.notes = list(dict.fromkeys(one.notes))
    return "; ".join(one.notes)


def _of_stages(name: str, runs: Path, stages: Mapping[str, Config]) -> str:
    """The stages as one config file; their names and folders follow from those of the run."""
    each = {}
    for stage, config in stages.items():
        values = config.model_dump(mode="json", by_alias=True)
        del values["name"], values["logging"]["folder"]
        each[stage] = values
    return OmegaConf.to_yaml(OmegaConf.create({"name": name, "logging": {"folder": str(runs)}, "stages": each}))


def _check(config: Config) -> str:
    lines = dict(plan.describe(config, tasks.load(config)))
    if "REFUSES" in (said := lines.get("verifier", "")):
        raise Failed(said)
    return f"{lines['task']}; {said}"


def _hostile_to_verifier(config: Config) -> str:
    task = tasks.load(config)
    return _none_wrong(hostile.against_verifier(task.first, task.verifier))


def _hostile_to_rewards(one: Smoke, config: Config) -> str:
    task = tasks.load(config)

    def policy():
        folder = one.work / "models" / "policy"
        loaded = load_policy(config.policy, folder, chat=False) if folder.exists() else None
        made = loaded or setup.policy(config, task, Terminal(quiet=True))
        return made.model, made.tokenizer

    mix = setup.rewards(config, task, policy, policy)
    return _none_wrong(hostile.against_rewards(task.first, task.verifier, mix))


def _none_wrong(outcome: hostile.Outcome) -> str:
    if outcome.wrong:
        more = f" (and {len(outcome.wrong) - 3} more)" if len(outcome.wrong) > 3 else ""
        raise Failed("; ".join(outcome.wrong[:3]) + more)
    stopped = f"; the verifier was stopped at its deadline on: {', '.join(outcome.stopped)}" if outcome.stopped else ""
    return f"{len(hostile.HOSTILE)} answers: none counts as right, none broke a judge{stopped}"


def _training(one: Smoke, log: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "WANDB_MODE": "disabled"}
    with (one.work / log).open("wb") as out:
        command = [sys.executable, "-m", "rl.train", str(one.file), *_functions(one)]
        return subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)


def _functions(one: Smoke) -> list[str]:
    """The functions of rewards as overrides, because a config file may not name those of other folders."""
    return [
        f"{f'stages.{stage}.' if stage else ''}rewards.{name}.function={reward.function}"
        for stage, config in one.stages.items()
        for name, reward in config.rewards.items()
        if reward.function is not None
    ]


def _killed(one: Smoke) -> str:
    """Start training, and kill it as soon as it can be resumed."""
    process, started = _training(one, "killed.log"), time.perf_counter()
    try:
        while process.poll() is None and time.perf_counter() - started < LIMIT:
            if begun := _begun(one):
                process.kill()
                process.wait()
                break
            time.sleep(POLL)
        else:
            ended = process.returncode
            what = f"it ended by itself with code {ended}" if ended is not None else f"no step in {LIMIT:.0f} s"
            raise Failed(f"{what} before it could be killed: {_last_line(one.work / 'killed.log')}")
    finally:
        process.kill()
    if process.returncode != -signal.SIGKILL:
        raise Failed(f"it ended by itself with code {process.returncode}")
    return f"after {begun} was saved"


def _begun(one: Smoke) -> str | None:
    """The checkpoint or the round that training can resume from, once there is one."""
    for config in one.stages.values():
        folder = RunFolder(config.run_folder)
        if found := [*folder.checkpoints.glob("checkpoint-*"), *folder.rounds.glob("round_*")]:
            return found[0].name
    return None


def _resumed(one: Smoke) -> str:
    process = _training(one, "resumed.log")
    try:
        code = process.wait(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        raise Failed(f"it did not end in {LIMIT:.0f} s") from None
    finally:
        process.kill()
    if code:
        raise Failed(f"code {code}: {_last_line(one.work / 'resumed.log')}")
    for config in one.stages.values():
        folder = RunFolder(config.run_folder)
        if not folder.finished:
            raise Failed(f"{config.run_folder} has no summary")
        if not json.loads(folder.summary.read_text(encoding="utf-8"))["steps"]:
            raise Failed(f"{config.run_folder} took no step: it had nothing to learn from")
    text = (one.work / "resumed.log").read_text(encoding="utf-8", errors="replace")
    return next((line for line in text.splitlines() if line.startswith("resuming")), "from the beginning")


def _evaluated(one: Smoke) -> str:
    last = list(one.stages.values())[-1]
    model = str(last.run_folder / "model")
    file = one.work / "evaluated.yaml"
    file.write_text(dump(last), encoding="utf-8")
    found = configs([str(file)], [model], [])
    (measured,) = evaluate_models(found, [model], "test", STATED, console=Terminal(quiet=True))
    return f"{measured.evaluations[model].n} test problems, greedy and sampled"


def _reported(one: Smoke) -> str:
    pages = [write_report(config.run_folder) for config in one.stages.values()]
    if empty := [str(page) for page in pages if page.stat().st_size < 1000]:
        raise Failed(f"{empty[0]} is empty")
    return f"{len(pages)} written"


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"


def _print(one: Smoke, path: str, seconds: float) -> None:
    table = Table(title=f"smoke of {path}, {seconds:.0f} s", title_justify="left", show_lines=True)
    for column in ("what was run", "", "details"):
        table.add_column(column)
    for what, passed, said in one.rows:
        table.add_row(what, "passed" if passed else "FAILED", said.encode(errors="replace").decode())
    one.console.print(table)
    if not one.passed:
        one.console.print(f"its files are kept in {one.work}", highlight=False)
