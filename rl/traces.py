"""`whetstone sample`: writes judged completions of a task's problems to a file, for fits, scoring and labelling.

A row has every column of the task's row, and `completion`, `right`, `extracted`, `finish_reason`, `vote_share` (the
share of the prompt's completions with the same answer), `reward` and `rewards/NAME`. The seed and a problem's index
determine its completions. Finished problems are saved beside the file, so that after an interruption the same command
continues with the next one.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rewards.mixing.mix import Mix
from rewards.models.state import default_device, move
from rewards.sample import Sample
from rl import setup, tasks
from rl.config import Config, dump
from rl.errors import UserError
from rl.policy.load import Policy
from rl.progress import completions_bar
from rl.sampling.draw import as_samples, sample
from rl.sampling.endpoint import NOT_WHAT_IS_DRAWN, EndpointDraws
from rl.sampling.judge import judge
from rl.storage.run_folder import read_jsonl, write_atomically
from rl.tasks.task import Split
from rl.terminal import Terminal

CHUNK = 64
"""Number of problems that are sampled, judged and saved at a time."""
SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")


def draw_traces(
    config: Config, out: str | Path, *, by: str = "policy", split: Split = "train", prompts: int | None = None,
    keep: str = "all",
) -> dict[str, int]:  # fmt: skip
    """Sample completions of a task's problems, judge them, and write them to a file.

    Args:
        config: a checked config, of which the task, policy, sampling and rewards are used.
        out: the file to write; its name ends with one of `SUFFIXES`.
        by: `policy` or `endpoint` (`rl/sampling/endpoint.py`), which write `sampling.completions` completions per
            problem; or `reference`, the task's own solution.
        split: the split of the problems; never the test split, which nothing may be trained on.
        prompts: how many problems to take from the start of the split; None for all.
        keep: `all`, or `right` for the completions that the verifier judges right.

    Returns:
        How many completions were drawn, judged right, and written.

    Raises:
        UserError: the file already exists or its name ends otherwise, the split is empty, the task has no solutions,
            the policy cannot be loaded, an endpoint's limit is reached, or too many of its replies failed.
        KeyboardInterrupt: the command was interrupted; finished problems are kept.
    """
    out = Path(out)
    if not out.name.endswith(SUFFIXES):
        raise UserError("--out", f"expected a name that ends with one of {', '.join(SUFFIXES)}, got {out.name!r}")
    if out.exists():
        raise UserError("--out", f"{out} already exists; give another name, or delete it")
    console = Terminal(soft_wrap=True)
    setup.quiet(config)
    task = tasks.load(config)
    rows = task.splits[split][:prompts]
    if not rows:
        raise UserError("--split", f"the {split} split of the task has no rows")
    policy: Policy | None = None
    if by == "policy":
        mix, policy = setup.rewards_and_policy(config, task, console, [split])
        move(policy.model, default_device())
    else:
        mix = setup.rewards(config, task)
    asked = _asked_for(config, by, split, keep, prompts)
    part, spent = (out.with_name(f".{out.name}.{asked}.{kind}") for kind in ("part", "spent"))
    endpoint: EndpointDraws | None = None
    if by == "reference":
        if task.solve is None:
            raise UserError("--by reference", f"the task {task.name} has no worked solutions; the embedded tasks do")
        solve = task.solve

        def draw(places: range, progress: Callable[[int], None]) -> list[Sample]:
            return [Sample(rows[place], solve(rows[place]), [], "stop", index=place) for place in places]

    elif by == "endpoint":
        endpoint = EndpointDraws(config, rows, spent)
        draw = endpoint.draw
    else:
        assert policy is not None

        def draw(places: range, progress: Callable[[int], None]) -> list[Sample]:
            return _drawn(config, policy, rows, places, progress)

    out.parent.mkdir(parents=True, exist_ok=True)
    each = 1 if by == "reference" else config.sampling.completions
    done = _taken_up(part)
    if done:
        console.print(f"resuming after {done:,} of {len(rows):,} problems", highlight=False)
    with (
        part.open("a", encoding="utf-8") as file,
        completions_bar(console, f"{by} on {split}", (len(rows) - done) * each) as bar,
    ):
        for first in range(done, len(rows), CHUNK):
            chunk = range(first, min(first + CHUNK, len(rows)))
            drawn = draw(chunk, bar)
            judged = judge(drawn, task.verifier, mix)
            written = [row for row in _records(judged, mix) if keep == "all" or row["right"]]
            counts = {"drawn": len(judged), "right": sum(one.right is True for one in judged), "written": len(written)}
            counts |= endpoint.lost if endpoint is not None else {}
            line = {"problems": chunk.stop, "counts": counts, "rows": written}
            file.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
            file.flush()
    lines = read_jsonl(part)
    _write(out, (row for line in lines for row in line["rows"]))
    part.unlink()
    shutil.rmtree(spent, ignore_errors=True)
    counts = {name: sum(line["counts"][name] for line in lines) for name in lines[0]["counts"]}
    lost = "".join(f", {counts[name]:,} {name.replace('_', ' ')}" for name in ("cut_off", "failed") if counts.get(name))
    console.print(
        f"{out}: {counts['written']:,} of {counts['drawn']:,} completions of {len(rows):,} problems, "
        f"{counts['right']:,} right{lost}",
        highlight=False,
    )
    return counts


def _asked_for(config: Config, by: str, split: str, keep: str, prompts: int | None) -> str:
    """A hash of everything that determines the file's content, by which an interrupted command's problems are found."""
    endpoint = config.sampling.endpoint
    if endpoint is not None:
        decides = {name: value for name, value in endpoint.items() if name not in NOT_WHAT_IS_DRAWN}
        sampling = config.sampling.model_copy(update={"endpoint": decides if by == "endpoint" else None})
        config = config.model_copy(update={"sampling": sampling})
    return hashlib.blake2b(f"{dump(config)}{by}{split}{keep}{prompts}".encode(), digest_size=6).hexdigest()


def _drawn(
    config: Config, policy: Policy, rows: Sequence[Mapping[str, Any]], chunk: range, progress: Callable[[int], None]
) -> list[Sample]:
    digest = hashlib.blake2b(f"traces {config.seed} {chunk.start}".encode(), digest_size=4).digest()
    groups = sample(
        policy.model,
        policy.tokenizer,
        [rows[place]["prompt"] for place in chunk],
        count=config.sampling.completions,
        seed=int.from_bytes(digest, "big") % (2**31 - 1),
        progress=progress,
        **config.sampling.parameters,
    )
    return as_samples(rows, chunk, groups)


def _records(samples: Sequence[Sample], mix: Mix) -> Iterator[dict[str, Any]]:
    """The rows of the file; votes are counted within each prompt."""
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


def _taken_up(part: Path) -> int:
    """How many problems an interrupted command finished; an incomplete last line is removed before others follow."""
    lines = read_jsonl(part)
    if lines:
        write_atomically(part, part.read_text(encoding="utf-8").rpartition("\n")[0] + "\n")
    else:
        part.unlink(missing_ok=True)
    return lines[-1]["problems"] if lines else 0


def _write(out: Path, rows: Iterator[dict[str, Any]]) -> None:
    """Write the whole file or none of it."""
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
