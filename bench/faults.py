"""Injects faults into small runs, and writes for each what should be seen and what was.

    make faults      (python bench/faults.py [--only WORDS …] [--out FILE])

Faults on record are injected again only if `--only` names them, or with `--again`. The exit code is 1 if anything that
was expected was not seen. A fault that this machine does not allow (a small disk needs the right to mount one) is left
out and said.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import tempfile
import traceback
from functools import partial
from pathlib import Path
from typing import Any

import fault_kinds as kinds
import fault_security as security
import fault_surroundings as around
from fault_kinds import KEPT, RESUMED, Fault, NotHere, Place
from fault_runs import Broke
from harness import Row, arguments, read, record

from tests import judge_server

STEP = "transformers:Trainer.training_step"
NOTHING_RUN = "refused in one line, and no code of it is run"
ORDERLY = f"an orderly end, exit 1; {RESUMED}"
GOES_ON = "the run goes on without it, says so once, and keeps what it has; same end"


def _killed(name: str, where: str, times: int) -> Fault:
    return Fault(f"{RESUMED}; no process is left", partial(kinds.killed, name=name, where=where, times=times))


def _terminated(name: str, where: str, times: int, **more: Any) -> Fault:
    return Fault(ORDERLY, partial(kinds.terminated, name=name, where=where, times=times, **more))


def _full(name: str, where: str, times: int) -> Fault:
    return Fault(f"{KEPT}, with the same end", partial(kinds.full_disk, name=name, where=where, times=times))


def _spoilt(spoil: Any, says: str, expected: str) -> Fault:
    return Fault(f"said, and {expected}", partial(kinds.spoilt, spoil=spoil, says=says))


def _reward(body: str, says: str, **more: Any) -> Fault:
    return Fault(f"{KEPT}; the reward and the reason are named", partial(kinds.reward, body=body, says=says, **more))


def _sampled(algorithm: str, how: str) -> Fault:
    return Fault(
        "the run ends as usual, every loss is finite", partial(kinds.sampled_nothing, algorithm=algorithm, how=how)
    )


def _endpoint(answer: Any, says: str, timeout: float = 1) -> Fault:
    return Fault(
        f"within the judge's time limit {KEPT}; never a score",
        partial(around.endpoint, answer=answer, says=says, timeout=timeout),
    )


def _workers(calls: list[tuple[str, Any]], expected: list[str | None], **limits: Any) -> Fault:
    return Fault(
        "its row is failed, not wrong; the other rows are judged",
        lambda place: around.workers(calls, expected, **limits),
    )


SAY = [("say", ("a",)), ("say", ("b",))]
GOOD = judge_server.reply('{"score": 1}')
FAULTS: dict[str, Fault] = {
    "kill -9 in sampling": _killed("grpo", "trl.trainer.grpo_trainer:GRPOTrainer._generate", 3),
    "kill -9 in judging": _killed("grpo", "rl.algorithms.online:judge", 3),
    "kill -9 while workers of a verifier judge": Fault(
        "the same command resumes; no process is left", kinds.killed_with_workers
    ),
    "kill -9 in an update": _killed("grpo", STEP, 4),
    "kill -9 while a checkpoint is written": _killed("grpo", "rl.storage.checkpoints:seal", 2),
    "kill -9 while old checkpoints are removed": _killed("grpo", "rl.storage.checkpoints:rotate", 3),
    "kill -9 in the final evaluation": _killed("grpo", "rl.runs.run:Run.finish", 1),
    "kill -9 in the draw of a round": _killed("star", "rl.rounds.draws:Draws.draw", 2),
    "kill -9 in the fit of a round": _killed("star", STEP, 5),
    "kill -9 between two rounds": _killed("star", "rl.rounds.finished:seal", 1),
    "kill -9 between a round and its evaluation": _killed("star", "rl.rounds.rounds:Rounds.measure", 3),
    "SIGTERM in an update": _terminated("grpo", STEP, 3),
    "SIGTERM in the first evaluation": _terminated("grpo", "rl.runs.run:evaluate", 1),
    "SIGTERM in the final evaluation": _terminated("grpo", "rl.runs.run:Run.finish", 1),
    "SIGTERM in the draw of a round": _terminated("star", "rl.rounds.draws:Draws.draw", 2),
    "SIGTERM in the fit of a round": _terminated("star", STEP, 5),
    "SIGHUP in an update, as from a terminal that is closed": _terminated("grpo", STEP, 3, number=signal.SIGHUP),
    "Ctrl-C after the reader of the output has gone": Fault(
        ORDERLY, partial(kinds.without_reader, where=STEP, times=3)
    ),
    "disk full while a checkpoint is written": _full("grpo", "transformers:Trainer._save_checkpoint", 2),
    "disk full while a step is logged": _full("grpo", "rl.runs.callbacks:Records.on_log", 4),
    "disk full while completions are written": _full("grpo", "rl.storage.completions:write", 2),
    "disk full while an evaluation is recorded": _full("grpo", "rl.storage.run_folder:RunFolder.append", 6),
    "disk full while the summary is written": _full("grpo", "rl.runs.run:Run.summarise", 1),
    "disk full while a pool is written": _full("star", "rl.storage.pool:write", 2),
    "disk full while a round's policy is saved": _full("star", "rl.rounds.rounds:Rounds._save", 2),
    "a limit on the size of files (ulimit -f)": Fault(f"{KEPT}, with the same end", kinds.file_limit),
    "checkpoint: optimizer truncated": _spoilt(
        lambda folder: kinds.truncate(folder / "checkpoint-4" / "optimizer.pt"), "from step 2", "the one before is used"
    ),
    "checkpoint: a bit of the weights flipped": _spoilt(
        lambda folder: kinds.flip(folder / "checkpoint-4" / "model.safetensors"),
        "from step 2",
        "the one before is used",
    ),
    "checkpoint without an optimizer": _spoilt(
        lambda folder: (folder / "checkpoint-4" / "optimizer.pt").unlink(),
        "optimizer.pt is missing",
        "the one before is used",
    ),
    "every checkpoint broken": _spoilt(
        lambda folder: [kinds.truncate(file) for file in folder.glob("*/scheduler.pt")],
        "training starts from the beginning",
        "training starts again",
    ),
    "config changed before resuming": Fault(
        "refused in one line, nothing is changed; " + RESUMED, kinds.changed_config
    ),
    "a reward that raises": _reward("raise ValueError('no such thing')", "ValueError: no such thing"),
    "a reward that calls sys.exit": _reward("sys.exit(0)", "sys.exit(0)"),
    "a reward that hangs": _reward("time.sleep(3600)", "no answer within 1 s", mix__timeout=1),
    "a reward that returns NaN": _reward("return [float('nan')] * len(completions)", "the value is nan"),
    "a reward that returns too few values": _reward("return [1.0]", "got 1 values"),
    "a reward that returns strings": _reward("return ['good'] * len(completions)", "got 'good' for completion 1"),
    "a worker of a verifier that segfaults": _workers(
        [*SAY, ("crash", ()), *SAY], [None, None, "its worker process died twice: signal 11", None, None]
    ),
    "a worker of a verifier that hangs in C": _workers(
        [*SAY, ("hang_in_c", ()), *SAY], [None, None, "no verdict within 2 s of processor time", None, None]
    ),
    "a worker of a verifier that takes too much memory": _workers(
        [*SAY, ("fill", (3,)), *SAY], [None, None, "MemoryError", None, None], memory=1.0
    ),
    "a worker of a verifier that leaks": Fault(
        "it is replaced, and every row is judged",
        lambda place: around.workers([("leak", (0.3,))] * 12, [None] * 12, memory=1.5),
    ),
    "kill -9 of a worker of a verifier": _workers(
        [*SAY, ("die", ()), *SAY], [None, None, "its worker process died twice: signal 9", None, None]
    ),
    **{
        f"all completions {how}: {name}": _sampled(name, how)
        for how in ("empty", "cut off")
        for name in ("grpo", "ppo", "star", "dpo")
    },
    "W&B refuses connections": Fault(GOES_ON, partial(around.tracker, address=around.refused)),
    "W&B never answers": Fault(GOES_ON, partial(around.tracker, address=around.silent)),
    "W&B answers a byte at a time": Fault(GOES_ON, partial(around.tracker, address=around.slow)),
    "W&B's folder is on a full disk": Fault(GOES_ON, around.tracker_without_room),
    "kill -9 of one of two processes": Fault(
        f"both end within {around.SOON:g} s; the same command resumes", partial(around.two_processes, how="one dies")
    ),
    "SIGTERM to the launcher of two processes": Fault(
        "both save at the same step and end; the same command resumes", partial(around.two_processes, how="terminated")
    ),
    "the clock is set back by a day": Fault("no influence: same end, no negative time", around.clock_set_back),
    "a second run in the folder": Fault("the second is refused in one line, the first goes on", around.two_runs),
    "a folder that cannot be written": Fault("refused in one line before the warm start", around.no_folder),
    "an endpoint that never answers": _endpoint(judge_server.HANG, "no complete reply within 1 s"),
    "an endpoint that dribbles": _endpoint(judge_server.DRIBBLE, "no complete reply within 1 s"),
    "an endpoint that floods": _endpoint(judge_server.FLOOD, "the reply is larger than", timeout=30),
    "an endpoint that lies: no chat completion": _endpoint("<html>", "not a chat completion"),
    "an endpoint that lies: a score off its scale": _endpoint(judge_server.reply('{"score": 99}'), "not on the scale"),
    "a config with tags that make Python objects": Fault(NOTHING_RUN, security.yaml_tags),
    "a config that names code outside of its folder": Fault(NOTHING_RUN, security.code_elsewhere),
    "data that is a pickle": Fault(NOTHING_RUN, security.code_in_data),
    "a model with code of its own": Fault(NOTHING_RUN, security.code_of_a_model),
    "a model with pickled weights": Fault(NOTHING_RUN, security.pickled_weights),
    "a checkpoint with hostile pickles, sealed again": Fault("refused, and nothing is run", security.pickled_state),
    "a secret in a config": Fault("refused in one line that does not show it", security.secret_in_a_config),
    "secrets in the environment": Fault("in no file, log or report", security.secrets_in_the_environment),
    "completions that are markup": Fault("text in pages and on the terminal", security.markup),
}


def inject(name: str, fault: Fault, place: Place) -> Row:
    """Inject a fault, and return what was seen as a row."""
    try:
        seen, held = fault.inject(place), True
    except Broke as error:
        seen, held = str(error), False
    except NotHere:
        raise
    except Exception:  # a fault of the fault: shown as one, and the others go on
        seen, held = traceback.format_exc().strip().splitlines()[-1], False
    hidden = re.sub(rf"{re.escape(tempfile.gettempdir())}/[\w./-]+", "…", seen.replace("\n", " "))
    return {"fault": name, "expected": fault.expected, "seen": hidden, "held": held}


def main() -> None:
    """Inject the faults that are not on record, and record what was seen."""
    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="+", default=[], help="faults whose names contain one of these")
    parser.add_argument("--again", action="store_true", help="also those on record")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    known = {row["fault"] for row in read(given.out) if row["held"]}
    asked = {
        name: fault
        for name, fault in FAULTS.items()
        if (any(part in name for part in given.only) if given.only else given.again or name not in known)
    }
    rows = []
    scratch = Path(tempfile.mkdtemp())  # no TemporaryDirectory, which the processes that are forked here would delete
    os.environ["WHETSTONE_CACHE"] = str(scratch / "cache")
    try:
        for number, (name, fault) in enumerate(asked.items()):
            try:
                rows.append(inject(name, fault, Place(scratch, f"{number:02d}")))
            except NotHere as error:
                print(f"{name}: not injected, {error}", flush=True)
                continue
            print(f"{'held' if rows[-1]['held'] else 'BROKE'}  {name}: {rows[-1]['seen']}", flush=True)
            record(given.out, rows[-1:], key=["fault"])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(not all(row["held"] for row in rows))


if __name__ == "__main__":
    main()
