"""`whetstone sample`: completions of a task's problems in a file, judged, for fits, scoring and labelling.

A row has every column of the task's row, and `completion`, `right`, `extracted`, `finish_reason`, `vote_share` (the
share of the prompt's completions with the same answer), `reward` and `rewards/NAME`. What is drawn is decided by the
seed and the problem's place, and is kept beside the file while the draw lasts: the same command goes on from there.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from rewards.mixing.mix import Mix
from rewards.sample import Sample
from rl import setup, tasks
from rl.config import Config, dump
from rl.errors import UserError
from rl.policy.positions import check_positions
from rl.progress import completions_bar
from rl.sampling.draw import sample
from rl.sampling.judge import judge
from rl.tasks.task import Split, Task

CHUNK = 64
"""Problems that are drawn, judged and written down at a time."""
SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")


def draw_traces(
    config: Config, out: str | Path, *, by: str = "policy", split: Split = "train", prompts: int | None = None,
    keep: str = "all",
) -> dict[str, int]:  # fmt: skip
    """Draw, judge and write.

    Args:
        config: a checked config: its task, policy, sampling and rewards count.
        out: the file, whose name ends with one of `SUFFIXES`.
        by: `policy`, with `sampling.completions` a problem, or `reference`, the task's own solution.
        split: whose problems; never those of the test split, which nothing may be trained on.
        prompts: how many, from the start of the split; None for all.
        keep: `all`, or `right` for those that the verifier judges right.

    Returns:
        How many completions were drawn, judged right, and written.

    Raises:
        UserError: the file is there already or of another kind, the task has no solutions, or the policy cannot be
            loaded.
        KeyboardInterrupt: the draw was interrupted; what is drawn is kept.
    """
    out = Path(out)
    if not out.name.endswith(SUFFIXES):
        raise UserError("--out", f"a name that ends with {', '.join(SUFFIXES)} is wanted, got {out.name!r}")
    if out.exists():
        raise UserError("--out", f"{out} is there already; give another name, or delete it")
    console = Console(soft_wrap=True)
    setup.quiet(config)
    task = tasks.load(config)
    rows = task.splits[split][:prompts]
    policy: list[Any] = []
    mix = setup.rewards(config, task, lambda: (policy[0].model, policy[0].tokenizer))
    if by == "reference":
        if task.solve is None:
            raise UserError("--by reference", f"the task {task.name} knows no worked solutions; chain and facts do")
    else:
        policy.append(setup.policy(config, task, console))
        check_positions(config, task, policy[0], console, [split])
        policy[0].model.to("cuda" if torch.cuda.is_available() else "cpu")
    out.parent.mkdir(parents=True, exist_ok=True)
    asked = hashlib.blake2b(f"{dump(config)}{by}{split}{keep}".encode(), digest_size=6).hexdigest()
    part = out.with_name(f".{out.name}.{asked}.part")
    counts: Counter[str] = Counter()
    each = 1 if by == "reference" else config.sampling.completions
    done = _taken_up(part, counts)
    if done:
        console.print(f"going on after {done:,} of {len(rows):,} problems", highlight=False)
    with (
        part.open("a", encoding="utf-8") as file,
        completions_bar(console, f"{by} on {split}", (len(rows) - done) * each) as bar,
    ):
        for first in range(done, len(rows), CHUNK):
            chunk = rows[first : first + CHUNK]
            drawn = (
                _references(task, chunk, first) if by == "reference" else _drawn(config, policy[0], chunk, first, bar)
            )
            judged = judge(drawn, task.verifier, mix)
            written = [row for row in _records(judged, mix) if keep == "all" or row["right"]]
            tally = {"drawn": len(judged), "right": sum(one.right is True for one in judged), "written": len(written)}
            counts.update(tally)
            line = {"problems": first + len(chunk), "counts": tally, "rows": written}
            file.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
            file.flush()
    _write(out, (row for line in _lines(part) for row in line["rows"]))
    part.unlink()
    console.print(
        f"{out}: {counts['written']:,} of {counts['drawn']:,} completions of {len(rows):,} problems, "
        f"{counts['right']:,} right",
        highlight=False,
    )
    return dict(counts)


def _drawn(config: Config, policy: Any, rows: Sequence[dict[str, Any]], first: int, progress: Any) -> list[Sample]:
    seed = int.from_bytes(hashlib.blake2b(f"traces {config.seed} {first}".encode(), digest_size=4).digest(), "big")
    groups = sample(
        policy.model,
        policy.tokenizer,
        [row["prompt"] for row in rows],
        count=config.sampling.completions,
        seed=seed % (2**31 - 1),
        progress=progress,
        **config.sampling.parameters,
    )
    return [
        Sample(row=row, text=one.text, ids=one.ids, finish_reason=one.finish_reason, index=first + place)
        for place, (row, group) in enumerate(zip(rows, groups, strict=True))
        for one in group
    ]


def _references(task: Task, rows: Sequence[dict[str, Any]], first: int) -> list[Sample]:
    assert task.solve is not None
    return [
        Sample(row=row, text=task.solve(row), ids=[], finish_reason="stop", index=first + place)
        for place, row in enumerate(rows)
    ]


def _records(samples: Sequence[Sample], mix: Mix) -> Iterator[dict[str, Any]]:
    """The rows of the file; votes are counted among the completions of one prompt."""
    answers: dict[int, Counter[str | None]] = {}
    for one in samples:
        answers.setdefault(one.index, Counter())[one.verdict.extracted if one.verdict else None] += 1
    for one in samples:
        extracted = one.verdict.extracted if one.verdict else None
        votes = answers[one.index]
        yield {
            **one.row,
            "completion": one.text,
            "right": one.right,
            "extracted": extracted,
            "finish_reason": one.finish_reason,
            "vote_share": 0.0 if extracted is None else votes[extracted] / votes.total(),
            "reward": one.reward,
            **{f"rewards/{reward.name}": one.rewards[reward.name].value for reward in mix.rewards},
        }


def _taken_up(part: Path, counts: Counter[str]) -> int:
    """How many problems an interrupted draw has done; a line that was cut off is dropped."""
    if not part.exists():
        return 0
    whole = part.read_bytes().rpartition(b"\n")[0]
    part.write_bytes(whole + b"\n" if whole else b"")
    lines = list(_lines(part))
    for line in lines:
        counts.update(line["counts"])
    return lines[-1]["problems"] if lines else 0


def _lines(part: Path) -> Iterator[dict[str, Any]]:
    with part.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _write(out: Path, rows: Iterator[dict[str, Any]]) -> None:
    """The file, whole or not at all."""
    draft = out.with_name(f".{out.name}.draft")
    if out.suffix == ".parquet":
        import pandas as pd

        pd.DataFrame(list(rows)).to_parquet(draft, index=False)
    else:
        opened = gzip.open if out.suffix == ".gz" else open
        with opened(draft, "wt", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    draft.replace(out)
