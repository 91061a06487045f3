"""Ten answers of a run before and after training, on a page of the docs: chosen by a rule, good and bad.

    python bench/real_samples.py NAME RUN_FOLDER [--page docs/samples.md]

They are the first three test problems that the run gained, the first three that it lost, and the first two that it had
right and the first two that it had wrong both times. What is missing of a kind is made up by problems that were wrong
both times, and then by those that were gained. On the page they replace what stands between two comments:

    <!-- samples NAME -->
    <!-- end of samples -->
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from os.path import commonprefix
from pathlib import Path
from typing import NamedTuple

from harness import ROOT, Row
from real_runs import counts, done

from rl.storage.run_folder import RunFolder

PAGE = ROOT / "docs" / "samples.md"
WANTED = {"gained": 3, "lost": 3, "right both times": 2, "wrong both times": 2}
"""Kind → how many of it."""
FILLING = ("wrong both times", "gained", "right both times")
"""Kinds that make up for others, the first before the next."""
KINDS = {(False, True): "gained", (True, False): "lost", (True, True): "right both times"}


class Sample(NamedTuple):
    """A problem with its answers before and after, as evaluations record them."""

    kind: str
    before: Row
    after: Row


def chosen(before: Sequence[Row], after: Sequence[Row]) -> list[Sample]:
    """Ten problems by the rule above, or fewer if there are fewer.

    Args:
        before: the examples of an evaluation.
        after: those of a later one, of the same problems.
    """
    everything: dict[str, list[Sample]] = {kind: [] for kind in WANTED}
    for pair in zip(before, after, strict=True):
        first, last = pair
        kind = KINDS.get((counts(first, "score"), counts(last, "score")), "wrong both times")
        everything[kind].append(Sample(kind, first, last))
    taken = {kind: min(number, len(everything[kind])) for kind, number in WANTED.items()}
    for kind in FILLING:
        missing = sum(WANTED.values()) - sum(taken.values())
        taken[kind] += min(missing, len(everything[kind]) - taken[kind])
    return [one for kind, number in taken.items() for one in everything[kind][:number]]


def written(samples: Sequence[Sample], prompts: Sequence[str]) -> str:
    """The samples as a text in Markdown, without what all prompts begin with.

    Args:
        samples: to be shown.
        prompts: of all problems, which say what they share.
    """
    shared = commonprefix(list(prompts)) if len(prompts) > 1 else ""  # noqa: RUF071  # by characters, as wanted here
    start = shared.rfind("\n") + 1
    return "\n".join(_shown(one, start) for one in samples)


def _shown(one: Sample, start: int) -> str:
    answers = [
        f"{when}: {answer['completion'].strip() or '(nothing)'}  [{'right' if counts(answer, 'score') else 'wrong'}]"
        for when, answer in (("before", one.before), ("after", one.after))
    ]
    return "\n".join([f"{one.kind.capitalize()}, the answer is {one.before['gold']}:", "", "```text",
                      one.before["prompt"][start:].strip(), *answers, "```", ""])  # fmt: skip


def placed(page: str, name: str, text: str) -> str:
    """A page with other samples of a name.

    Raises:
        ValueError: it has no place for them.
    """
    place = re.compile(rf"(<!-- samples {re.escape(name)} -->\n).*?(<!-- end of samples -->)", re.DOTALL)
    if not place.search(page):
        raise ValueError(f"there is no <!-- samples {name} --> with its <!-- end of samples --> on the page")
    return place.sub(lambda found: f"{found[1]}\n{text}\n{found[2]}", page)


def main() -> None:
    """Write the samples of a run to the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of the place on the page")
    parser.add_argument("folder", type=Path, help="the folder of a finished run")
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    run = done(RunFolder(given.folder))
    first, last = run.before["examples"], run.after["examples"]
    text = written(chosen(first, last), [one["prompt"] for one in first])
    try:
        page = placed(given.page.read_text(encoding="utf-8"), given.name, text)
    except ValueError as error:
        parser.error(f"{given.page}: {error}")
    given.page.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
