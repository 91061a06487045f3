"""The faults that `bench/faults.py` injects: what each does to a run, and what has to be seen then."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from fault_runs import Broke, Process, checkpoints, run, same, train

from rl.storage.run_folder import read_jsonl
from tests.rl.killed_command import at_call, die

RESUMED = "the same command resumes, and ends with the weights, metrics and evaluations of a run that nothing stopped"
KEPT = "one line, exit 1; the last checkpoint is kept, and the same command resumes from it"
CLONE_NEWNS, PRIVATE, RECURSIVE = 0x20000, 1 << 18, 1 << 14
"""Of `unshare(2)` and `mount(2)`."""


class NotHere(Exception):
    """The fault cannot be injected on this machine."""


class Place:
    """A folder for one fault, and what the faults share.

    Args:
        scratch: a folder for all faults.
        name: name of the folder of this one.
    """

    def __init__(self, scratch: Path, name: str) -> None:
        self.scratch, self.folder = scratch, scratch / name
        self.folder.mkdir()

    def whole(self, name: str) -> Path:
        """The folder of a run that nothing stopped; it is made once."""
        made = self.scratch / "whole" / "runs" / name
        if not (made / "summary.json").exists():
            run(self.scratch / "whole", train(name))
        return made

    @property
    def interrupted(self) -> Path:
        """The working folder of a run that was killed in its sixth step, after checkpoints of steps 2 and 4."""
        made = self.scratch / "interrupted"
        if not made.exists():
            run(made, train("grpo"), code=-signal.SIGKILL, prepare=dies("transformers:Trainer.training_step", 6))
        return made

    def ends_as_whole(self, name: str, **how: Any) -> str:
        """Run the command again, hold its end to that of a run that nothing stopped, and say what was seen."""
        again = run(self.folder, train(name), **how)
        same(self.folder / "runs" / name, self.whole(name))
        said = next((line for line in again.out.splitlines() if line.startswith("resuming")), "")
        return f"resumed {said.split(' ', 2)[-1]}, same end" if said else "started again, same end"


class Fault(NamedTuple):
    """A fault: what should be seen, and a function that injects it and says what was."""

    expected: str
    inject: Callable[[Place], str]


def dies(place: str, times: int) -> Callable[[], None]:
    """Have a process kill itself with SIGKILL when a function is called for the Nth time."""
    return lambda: at_call(place, times, die)


# Killed, stopped


def killed(place: Place, name: str, where: str, times: int) -> str:
    """Kill the run, look for what it left running, and run it again."""
    process = Process(place.folder, train(name), prepare=dies(where, times))
    _was_killed(process)
    return place.ends_as_whole(name)


def _was_killed(process: Process) -> None:
    """Wait for a process that kills itself, and look for what it left running."""
    if (ended := process.end()).code != -signal.SIGKILL:
        raise Broke(f"was not killed: {ended.line}")
    until = time.monotonic() + 20
    while left := [one.pid for one in psutil.process_iter() if _session(one.pid) == process.pid]:
        if time.monotonic() > until:
            raise Broke(f"left {len(left)} processes running")
        time.sleep(0.1)


WITH_WORKERS = """
from verifiers.runtime.pool import Call, shared

MODULE = "tests.verifiers.pool_calls"


def mine(completions, **columns):
    shared(MODULE, workers=2).run([Call(MODULE, "spend", (0.5,))] * 4, 5.0)
    return [float(len(text)) for text in completions]
"""


def killed_with_workers(place: Place) -> str:
    """Kill the run while workers of a verifier judge, look for what it left running, and run it again."""
    (place.folder / "mine.py").write_text(WITH_WORKERS)
    given = train("grpo", rewards__mine__function="mine.py:mine", rewards__mine__weight=0.1)
    soon = lambda: threading.Timer(0.3, die).start()  # noqa: E731
    _was_killed(Process(place.folder, given, prepare=lambda: at_call("verifiers.runtime.pool:Pool.run", 4, soon)))
    again = run(place.folder, given)
    if "from step 2" not in again.out:
        raise Broke("did not resume")
    return "killed while two workers judged; none was left, it resumed from step 2"


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1


def terminated(place: Place, name: str, where: str, times: int, number: int = signal.SIGTERM) -> str:
    """Send a signal when a function is called, see the run end in order, and run it again."""
    signalled = lambda: os.kill(os.getpid(), number)  # noqa: E731
    run(place.folder, train(name), code=1, says="interrupted", prepare=lambda: at_call(where, times, signalled))
    return _ended_in_order(place, name)


def without_reader(place: Place, where: str, times: int) -> str:
    """Press Ctrl-C when a function is called and nobody reads the output any more, as after `| tee log`."""

    def prepare() -> None:
        reading, writing = os.pipe()
        sys.stdout = os.fdopen(writing, "w")
        os.close(reading)
        at_call(where, times, lambda: os.kill(os.getpid(), signal.SIGINT))

    run(place.folder, train("grpo"), code=1, says="interrupted", prepare=prepare)
    return _ended_in_order(place, "grpo")


def _ended_in_order(place: Place, name: str) -> str:
    if (place.folder / "runs" / name / "lock.json").exists():
        raise Broke("left its lock")
    return f"exit 1, lock released; {place.ends_as_whole(name)}"


# A full disk


def own_mounts() -> None:
    """Give this process and its children mounts of their own, so that small disks can be made for them.

    Raises:
        NotHere: that is not allowed.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, ctypes.c_ulong(PRIVATE | RECURSIVE), None):
        raise NotHere(f"no mounts of its own: {os.strerror(ctypes.get_errno())}")


def small_disk(folder: Path, size: str) -> None:
    """Mount a disk in memory.

    Raises:
        NotHere: that is not allowed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own_mounts()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", ctypes.c_ulong(0), f"size={size}".encode()):
        raise NotHere(f"no disk could be mounted: {os.strerror(ctypes.get_errno())}")


def fill(folder: Path) -> None:
    """Fill the disk of a folder."""
    with (folder / "filler").open("ab", buffering=0) as file:
        for block in (2**16, 2**8, 1):
            try:
                while True:
                    file.write(b"x" * block)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def full_disk(place: Place, name: str, where: str, times: int) -> str:
    """Fill the disk when a function is called, see the run end, make room, and run it again."""
    place.whole(name)
    small_disk(place.folder, "64m")
    filled = partial(fill, place.folder)
    said = run(place.folder, train(name), code=1, prepare=lambda: at_call(where, times, filled)).line
    if "No space left" not in said and "as on a full disk" not in said:
        raise Broke(f"did not say that the disk is full: {said}")
    (place.folder / "filler").unlink()
    return f"exit 1, {said.partition('. ')[0][-60:]!r}; {place.ends_as_whole(name)}"


def file_limit(place: Place) -> str:
    """Forbid files above 4 KiB when a checkpoint is written."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))  # noqa: E731
    where = "transformers:Trainer._save_checkpoint"
    said = run(place.folder, train("grpo"), code=1, prepare=lambda: at_call(where, 2, limit)).line
    return f"exit 1, {said.partition('. ')[0][-60:]!r}; {place.ends_as_whole('grpo')}"


# Checkpoints, the config


def spoilt(place: Place, spoil: Callable[[Path], None], says: str) -> str:
    """Spoil the checkpoints of an interrupted run, and run it again."""
    shutil.copytree(place.interrupted, place.folder, dirs_exist_ok=True)
    spoil(place.folder / "runs" / "grpo" / "checkpoints")
    again = run(place.folder, train("grpo"))
    same(place.folder / "runs" / "grpo", place.whole("grpo"))
    if says not in again.out:
        raise Broke(f"did not say {says!r}")
    return f"said {says!r}; same end"


def truncate(file: Path) -> None:
    """Cut a file in half."""
    os.truncate(file, file.stat().st_size // 2)


def flip(file: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def changed_config(place: Place) -> str:
    """Resume with another learning rate."""
    shutil.copytree(place.interrupted, place.folder, dirs_exist_ok=True)
    before = _contents(place.folder / "runs")
    said = run(place.folder, train("grpo", trainer__learning_rate=0.01), code=2, says="trainer.learning_rate").line
    if _contents(place.folder / "runs") != before:
        raise Broke("the run folder was changed")
    return f"exit 2, {said.partition('run of ')[2][:60]!r} …; {place.ends_as_whole('grpo')}"


def _contents(folder: Path) -> dict[Path, bytes]:
    """What the files of a folder contain, but for the lock."""
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file() and file.name != "lock.json"}


# Rewards


def reward(place: Place, body: str, says: str, **more: Any) -> str:
    """Train with a reward that breaks at its third batch, mend it, and resume."""
    code = "calls = []\ndef mine(completions, **columns):\n    calls.append(1)\n    if len(calls) > 2:\n        {}\n{}"
    whole = "    return [float(len(text)) for text in completions]\n"
    file = place.folder / "mine.py"
    file.write_text(f"import time, sys\n{code.format(body, whole)}")
    given = train("grpo", rewards__mine__function="mine.py:mine", rewards__mine__weight=0.1, **more)
    said = run(place.folder, given, code=1, says=says).line
    if "reward 'mine'" not in said:
        raise Broke(f"does not name the reward: {said}")
    if not (kept := checkpoints(place.folder / "runs" / "grpo")):
        raise Broke("no checkpoint was kept")
    file.write_text(code.format("pass", whole))
    again = run(place.folder, given)
    if "from step 2" not in again.out:
        raise Broke("did not resume")
    return f"exit 1, {says!r}; {kept[-1]} kept; mended, it resumed from step 2"


def sampled_nothing(place: Place, algorithm: str, how: str) -> str:
    """Train with a policy that ends every completion at once, or with room for a single token."""
    given: Mapping[str, Any] = {"algorithm": "ppo"} if algorithm == "ppo" else {}
    name = "grpo" if algorithm == "ppo" else algorithm
    more = train(name, **given)
    if how == "cut off":
        more += ["sampling.max_tokens=1"]
    source, empty = place.whole("grpo") / "model", place.folder / "empty"
    run(place.folder, more, prepare=(lambda: _says_nothing(source, empty)) if how == "empty" else lambda: None)
    folder = place.folder / "runs" / name
    broken = [row for row in read_jsonl(folder / "metrics.jsonl") if row.get("loss", 0.0) is None]
    if broken:
        raise Broke(f"{len(broken)} steps without a finite loss")
    completions = read_jsonl(folder / "evaluations.jsonl")[-1]["examples"]
    if how == "empty" and any(one["completion"] for one in completions):
        raise Broke("not all completions are empty")
    return f"exit 0, summary written, losses finite, {len(checkpoints(folder)) or 'no'} checkpoints kept"


def _says_nothing(source: Path, folder: Path) -> list[str]:
    """Make a policy that ends every completion with its first token, and return the override that names it."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(source), AutoTokenizer.from_pretrained(source)
    model.config.tie_word_embeddings = False
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.fill_(1.0)
        model.model.norm.weight.fill_(1.0)
        model.lm_head.weight = torch.nn.Parameter(torch.zeros_like(model.lm_head.weight))
        model.lm_head.weight[tokenizer.eos_token_id] = 1.0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return [f"policy.model={folder}"]
