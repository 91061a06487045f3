"""Prints preflight's findings and verdict."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from rl.analysis.preflight.cost import Cost
from rl.analysis.preflight.findings import Findings
from rl.analysis.preflight.verdict import Verdict

STYLES = {"will learn": "green", "doubtful": "yellow", "will not learn": "red"}


def table(name: str, found: Findings, cost: Cost | None, gib: float | None) -> Table:
    """A table with a line for each finding.

    Args:
        name: the run's name.
        found: the findings.
        cost: the cost of the training; None if its length is not known in advance.
        gib: memory per device in GiB; None if the policy's size is not known.
    """
    shown = Table(title=f"{name}: {found.problems} train problems x {found.group} completions", title_justify="left")
    shown.add_column("before any training")
    shown.add_column("", justify="right")
    lines = {
        "groups that teach something": _share(found.signal),
        "tokens in such groups": _share(found.gradient),
        "problems with right and wrong completions": _share(found.mixed),
        "right, greedy": _share(found.greedy),
        "right, sampled": _share(found.right),
        f"right in any of {found.group}": _share(found.pass_at_k),
        "the verifier judged": _share(found.judged),
        "the verifier abstained": _share(found.abstained, if_any=True),
        "the verifier failed": _share(found.failed, if_any=True),
        "with an answer, of those judged": _share(found.answered),
        "gain by the form of the answer alone": _share(found.format_gain),
        "cut off before the end": _share(found.cut_off),
        "correlation of reward and right": None if found.agreement is None else f"{found.agreement:.2f}",
        **{f"share of the advantage: {name}": _share(share) for name, share in found.shares.items()},
        **{f"{name} failed": _share(share, if_any=True) for name, share in found.rewards_failed.items()},
        **{f"{name} abstained": _share(share, if_any=True) for name, share in found.rewards_abstained.items()},
        "mean length": f"{found.tokens:.1f} tokens",
        "memory of a device, about": None if gib is None else f"{gib:.1f} GiB",
        "completions to the end": None if cost is None else f"{cost.completions:,} + {cost.evaluated:,} to evaluate",
        "tokens to the end, about": None if cost is None else f"{cost.tokens:,.0f}",
        "time to the end, about": None if cost is None else _time(cost.seconds),
    }
    for what, how_much in lines.items():
        if how_much is not None:
            shown.add_row(what, how_much)
    return shown


def said(console: Console, verdict: Verdict) -> None:
    """Print the verdict, its reasons, and what to change next.

    Args:
        console: where to print.
        verdict: the verdict.
    """
    console.print(f"verdict: {verdict.word}", style=STYLES[verdict.word], highlight=False)
    for reason in verdict.reasons:
        console.print(f"  {reason.what}", highlight=False)
        console.print(f"    what may help: {reason.remedy}", highlight=False)


def in_short(console: Console, found: Findings, verdict: Verdict) -> None:
    """Print the verdict and its figures in one line, and then the reasons against the run.

    Args:
        console: where to print.
        found: the findings.
        verdict: the verdict.
    """
    parts = [
        f"{found.signal:.0%} of {found.problems} problems teach something",
        f"pass@{found.group} {_share(found.pass_at_k) or 'unknown'} over greedy {_share(found.greedy) or 'unknown'}",
        f"{found.cut_off:.0%} cut off",
        f"{found.judged:.0%} judged",
    ]
    console.print(f"preflight: {verdict.word} ({', '.join(parts)})", style=STYLES[verdict.word], highlight=False)
    for reason in verdict.reasons:
        console.print(f"  {reason.what}; what may help: {reason.remedy}", highlight=False)


def _share(share: float | None, *, if_any: bool = False) -> str | None:
    return None if share is None or (if_any and not share) else f"{share:.1%}"


def _time(seconds: float) -> str:
    for name, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.0f} s"
