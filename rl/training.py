"""Trains a policy from a config; `whetstone train` and `accelerate launch -m rl.train` call this module.

    sample  →  judge  →  credit  →  update

All results are in the run folder. The same command resumes an unfinished run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from rich.console import Console

from rewards.sample import Sample
from rl import setup, tasks
from rl.analysis import statements
from rl.config import Config, dump
from rl.config.generation_cycle import GenerationCycle
from rl.context import RunContext
from rl.errors import UserError
from rl.examples import given
from rl.examples.pairs import Pair
from rl.policy.load import Policy
from rl.policy.sharded import check_launch, join_deepspeed
from rl.policy.teachers import Teacher, shown_ids
from rl.policy.teachers import load as load_teachers
from rl.runs.run import Run
from rl.runs.trackers import Trackers, trackers
from rl.sampling import engine as engines
from rl.storage import beginning
from rl.storage.checkpoint_names import step_of
from rl.storage.config_changes import Changes, shown
from rl.storage.lock import acquire, release
from rl.storage.run_folder import RunFolder
from rl.tasks.task import Task, fingerprint, refuse_empty
from rl.terminal import Terminal
from verifiers.runtime.self_check import self_check

Result = TypeVar("Result")
ONLY_WHEN = ("evaluation.every", "evaluation.batch")
"""Keys of `evaluation` that affect when it is made and in which batches, but not what is measured."""


def train(config: Config, *, fresh: bool = False, command: str = "") -> dict[str, Any] | None:
    """Run a config from start to end.

    Args:
        config: a checked config.
        fresh: whether to replace a run folder that is already there.
        command: how the run was started, to say how to resume it.

    Returns:
        The summary, on the main process; None on the others.

    Raises:
        UserError: the input is wrong; nothing was trained or deleted.
        RewardBroken: a reward failed more often than its budget allows.
        NotFinite: ten steps in a row had a loss or gradients that are NaN or infinite.
        KeyboardInterrupt: the run was interrupted; it is saved up to the step that was printed.
    """
    patience = timedelta(seconds=config.trainer.get("ddp_timeout") or 1800)  # of the processes for each other
    state = PartialState(cpu=not torch.accelerator.is_available(), timeout=patience)
    console = Terminal(quiet=not state.is_main_process, soft_wrap=True)
    check_launch(state, config)
    join_deepspeed()
    with _locked(RunFolder(config.run_folder), state, console):
        context = prepare(config, state, console, fresh=fresh, command=command)
        opened = trackers(config, context.folder, context.warn) if state.is_main_process else nullcontext(Trackers())
        with opened as seen_in:
            try:
                run = _run(context)
                run.report_to(seen_in)
                run.train()
                return run.finish()
            finally:
                if context.engine is not None and state.num_processes == 1:
                    context.engine.close()


def prepare(
    config: Config, state: PartialState, console: Console, *, fresh: bool = False, command: str = ""
) -> RunContext:
    """Load everything that a run needs, and prepare its folder, which the caller has locked.

    Args:
        config: a checked config.
        state: of the processes.
        console: where to say what happens.
        fresh: whether to replace a run folder that is already there.
        command: how the run was started, to say how to resume it.

    Raises:
        UserError: the input is wrong; nothing was changed.
    """
    started = time.perf_counter()
    setup.quiet(config)
    folder = RunFolder(config.run_folder)
    _decided_by_main(state, lambda: beginning.refuse_foreign(folder, fresh=fresh))
    changed = {} if fresh else _decided_by_main(state, lambda: _changed(config, folder))
    task = tasks.load(config)
    begins_with: dict[str, Any] = {f"data.{split}": fingerprint(rows) for split, rows in task.splits.items()}
    begins_with |= {beginning.PROCESSES: state.num_processes}
    if not fresh:
        changed |= _decided_by_main(state, lambda: beginning.check(folder, begins_with))
    refuse_empty(task.splits, validation=config.evaluation.every > 0)
    if not config.algorithm.in_rounds:
        GenerationCycle.of(config).check_rows(len(task.splits["train"]), config.sampling.completions)
    if task.skipped:
        console.print(f"skipped {len(task.skipped)} broken rows; the first: {task.skipped[0]}", highlight=False)
    _self_check(task, console)
    if config.evaluation.statements is not None:
        statements.check(config.evaluation.statements, task.splits["train"])
    mix, policy = setup.rewards_and_policy(config, task, console)
    teachers = load_teachers(config, policy)
    examples = given.load(config, task, policy, mix if config.rewards else None)
    _look_at_teachers(config, teachers, task, policy, examples)
    for line in [] if examples is None else examples.lines:
        console.print(line, highlight=False)
    begins_with |= {"data.examples": _of_examples(examples)}
    if not fresh:
        _decided_by_main(state, lambda: beginning.check(folder, begins_with))
    engine = engines.build(config, policy, state, folder)
    if state.is_main_process:
        if fresh:
            folder.clear()
        folder.start(dump(config), changed)
        beginning.record(folder, begins_with)
    state.wait_for_everyone()
    if changed:
        _say_what_changed(changed, console)
    return RunContext(config, task, policy, mix, folder, state, console, command, examples, teachers, engine, started)


@contextmanager
def _locked(folder: RunFolder, state: PartialState, console: Console) -> Iterator[None]:
    """Lock the run folder; the main process holds the lock for all processes of this run.

    Raises:
        UserError: another run is using the folder.
    """
    above = folder.path.parent
    was_there = above.exists()
    gone = _decided_by_main(state, lambda: acquire(folder.lock))
    if gone is not None:
        console.print(f"took over {folder.path} from {gone}, which is gone", highlight=False)
    try:
        yield
    finally:
        if state.is_main_process:
            release(folder.lock)
            if not was_there and not any(above.iterdir()):  # the run was refused before it left anything
                above.rmdir()


def _decided_by_main(state: PartialState, decide: Callable[[], Result]) -> Result:
    """Call a function on the main process, and return its result or raise its `UserError` on every process."""
    outcome: list[Any] = [None, None]
    if state.is_main_process:
        try:
            outcome[0] = decide()
        except UserError as error:
            outcome[1] = (error.where, error.what)
    result, wrong = broadcast_object_list(outcome)
    if wrong is not None:
        raise UserError(*wrong)
    return result


def _changed(config: Config, folder: RunFolder) -> Changes:
    """The differences from the config of the run in the folder.

    Raises:
        UserError: the config may not change in this way, or the run would resume inside a generation cycle, for which
            TRL does not save the completions.
    """
    changed = folder.check(dump(config))
    last = folder.last_checkpoint()
    if config.algorithm.in_rounds or last is None or "trainer.max_steps" not in changed:
        return changed
    step, cycle = step_of(last), GenerationCycle.of(config).optimizer_steps
    if step % cycle and config.trainer.get("max_steps", -1) != step:
        raise UserError(
            str(folder.path),
            f"its last checkpoint is of step {step}, inside a generation cycle of {cycle} optimizer steps, so the run "
            f"cannot be extended exactly; give another name=, and a trainer.max_steps that is a multiple of {cycle} if "
            f"it is to be extended later",
        )
    return changed


def _of_examples(examples: given.Given | None) -> str:
    """The fingerprint of the given examples."""
    fitted = [] if examples is None else examples.examples
    samples = [one for example in fitted for one in (example if isinstance(example, Pair) else [example])]
    return fingerprint([{"prompt": one.prompt, "completion": one.text} for one in samples])


def _say_what_changed(changed: Changes, console: Console) -> None:
    """Print the changes with which a run resumes, and their consequences."""
    console.print(f"since the run began these changed ({shown(changed)})", highlight=False)
    measured = [key for key in changed if key.startswith(("evaluation.", "data.")) and key not in ONLY_WHEN]
    if measured:
        console.print(
            f"warning: evaluations before this point were made with another {', '.join(measured)}, so those after it "
            f"do not compare with them",
            style="yellow",
            highlight=False,
        )


def _run(context: RunContext) -> Run:
    # imported here, because each kind imports trainers that the other does not need
    if context.config.algorithm.in_rounds:
        from rl.rounds.rounds import Rounds

        return Rounds(context)
    from rl.runs.online import OnlineRun

    return OnlineRun(context)


def _look_at_teachers(
    config: Config, teachers: Sequence[Teacher], task: Task, policy: Policy, examples: given.Given | None
) -> None:
    """Refuse a teacher that cannot be asked about the given examples, or about the first problem that is sampled."""
    first = Sample(task.first, "", [], "stop")
    asked = [] if examples is None else [one for one in examples.examples if isinstance(one, Sample)]
    for teacher in teachers:
        shown_ids(asked or [first], teacher, policy.tokenizer, config.sampling.chat_template_kwargs)


def _self_check(task: Task, console: Console, rows: int = 50) -> None:
    """Warn if the verifier rejects gold answers of the data, for which no completion could be right."""
    tried = task.splits["train"][:rows]
    if problems := self_check(task.verifier, tried):
        console.print(
            f"warning: {task.verifier.name} does not accept {len(problems)} of {len(tried)} gold answers; the first: "
            f"{problems[0].reason}",
            style="yellow",
            highlight=False,
        )
