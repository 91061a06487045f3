"""The result of scoring: a table with one row per completion, and analyses to make before training on a reward.

In every analysis of a reward, completions on which it abstained or failed are left out, and each figure has the number
of completions that it is based on. A failure is never counted as 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rewards.prototyping.marked import Marked, MarkedSteps, shown
from rewards.prototyping.rows import readable, storable
from rewards.reward import Scores, question_of, text_of
from verifiers import Step

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Steps = tuple[Step, ...]
OWN_COLUMNS = ("group", "prompt", "completion", "gold", "correct", "mix", "abstained", "failed")
"""Columns of the table that do not belong to a reward."""


@dataclass(repr=False)
class Scored:
    """N scored completions.

    Attributes:
        frame: one row per completion: `group` (shared by completions of a prompt), `prompt`, `completion`, and `gold`
            and `correct` if given; `mix` and each reward's value, NaN if it abstained or failed; `abstained`, the
            rewards that abstained; `failed`, the errors by reward; `NAME.column` for additional columns of a reward,
            such as `correctness.extracted`; and the other columns of the data, as `row.NAME` if a name is taken.
        parts: reward name → its scores, with steps and failures.
        seconds: reward name → seconds it took.
        truth: the default column for whether completions are right; None for none.
    """

    frame: pd.DataFrame
    parts: dict[str, Scores]
    seconds: dict[str, float]
    truth: str | None

    @classmethod
    def of(
        cls,
        table: Mapping[str, Sequence[Any]],
        groups: Sequence[int],
        values: Sequence[float | None],
        parts: Mapping[str, Scores],
        seconds: Mapping[str, float],
        truth: str | None,
    ) -> Scored:
        """The result, from the columns of the data and the scores.

        Args:
            table: the columns of the data, each of N values.
            groups: N group numbers.
            values: N values of the mix.
            parts: reward name → its scores.
            seconds: reward name → seconds it took.
            truth: the column for whether completions are right; None for none.
        """
        count = len(groups)
        parts = {name: _readable(part) for name, part in parts.items()}
        columns: dict[str, Any] = {"group": groups}
        for name, text in (("prompt", question_of), ("completion", text_of)):
            if name in table:
                columns[name] = ["" if value is None else text(value) for value in table[name]]
        for name in ("gold", "correct"):
            if name in table:
                columns[name] = table[name]
        columns["mix"] = pd.array(values, dtype="Float64").to_numpy(float, na_value=np.nan)
        for name, part in parts.items():
            columns[name] = np.array([np.nan if v is None else v for v in part.values], dtype=float)
        empty = {name: [v is None for v in part.values] for name, part in parts.items()}
        columns["abstained"] = [
            ", ".join(n for n, part in parts.items() if empty[n][row] and row not in part.failures)
            for row in range(count)
        ]
        columns["failed"] = [
            "; ".join(f"{n}: {part.failures[row]}" for n, part in parts.items() if row in part.failures)
            for row in range(count)
        ]
        for name, part in parts.items():
            columns |= {f"{name}.{column}": values for column, values in part.columns.items()}
        for name, rest in table.items():
            if name not in ("prompt", "completion", "gold", "correct"):
                columns[f"row.{name}" if name in columns else name] = rest
        columns = {name: readable(column) for name, column in columns.items()}
        return cls(pd.DataFrame(columns), dict(parts), dict(seconds), truth)

    @property
    def rewards(self) -> list[str]:
        """The names of the rewards, and of their mix if there are several."""
        return [*self.parts, "mix"] if len(self.parts) > 1 else list(self.parts)

    def summary(self) -> pd.DataFrame:
        """One row per reward: n with a value, mean, std, shares abstained and failed, no_signal, seconds.

        `no_signal` is the share of prompts with several completions whose known values are all equal, so that GRPO
        learns nothing from them; NaN if no prompt has several completions.
        """
        rows = {}
        for name in self.rewards:
            values: Any = self.frame[name]
            spread: Any = values.groupby(self.frame["group"]).agg(["count", "min", "max"])
            spread = spread[spread["count"] > 1]
            failed = len(self.parts[name].failures) if name in self.parts else 0
            rows[name] = {
                "n": int(values.notna().sum()),
                "mean": values.mean(),
                "std": values.std(ddof=0),
                "abstained": (values.isna().sum() - failed) / len(values),
                "failed": failed / len(values),
                "no_signal": (spread["min"] == spread["max"]).mean() if len(spread) else np.nan,
                "seconds": self.seconds.get(name, sum(self.seconds.values())),
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("reward")

    def agreement(self, correctness: str | Sequence[Any] | None = None) -> pd.DataFrame:
        """The agreement of each reward with correctness; a completion is right if its correctness is 1.

        Args:
            correctness: a column of the frame, or N values in [0, 1], None if unknown; by default `truth`.

        Returns:
            One row per reward: `n`, `right` and `wrong` (numbers of completions), `mean_right` and `mean_wrong`; `auc`,
            the share of all pairs of a right and a wrong completion in which the right one has the higher value (ties
            count half); `r`, the point-biserial correlation; `ranked`, like `auc` but within prompts, as a group
            baseline compares them, over `pairs` pairs. NaN if there is nothing to compare.

        Raises:
            ValueError: correctness is unknown, is not in [0, 1], or has another length.
        """
        truth, known = self._truth(correctness)
        rows = {}
        for name in self.rewards:
            if name == truth:
                continue
            use = known.notna() & self.frame[name].notna()
            value: Any = self.frame.loc[use, name]
            right: Any = known[use] >= 1.0
            won, pairs = _won(value, right, 0 * self.frame.loc[use, "group"])
            wins, inside = _won(value, right, self.frame.loc[use, "group"])
            spread = pairs and value.std(ddof=0) > 0
            rows[name] = {
                "n": int(use.sum()),
                "right": int(right.sum()),
                "wrong": int((~right).sum()),
                "mean_right": value[right].mean(),
                "mean_wrong": value[~right].mean(),
                "auc": won / pairs if pairs else np.nan,
                "r": np.corrcoef(value, right)[0, 1] if spread else np.nan,
                "ranked": wins / inside if inside else np.nan,
                "pairs": inside,
            }
        columns = ["n", "right", "wrong", "mean_right", "mean_wrong", "auc", "r", "ranked", "pairs"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("reward")

    def correlation(self) -> pd.DataFrame:
        """`pearson` and `spearman` of each pair of rewards, and `n`, the completions for which both have a value."""
        rows = []
        for one, other in itertools.combinations(self.rewards, 2):
            both: Any = self.frame[[one, other]].dropna()
            varies = len(both) > 1 and bool((both.std(ddof=0) > 0).all())
            pearson = np.corrcoef(both[one], both[other])[0, 1] if varies else np.nan
            ranks = both.rank()
            spearman = np.corrcoef(ranks[one], ranks[other])[0, 1] if varies else np.nan
            rows.append((one, other, pearson, spearman, len(both)))
        return pd.DataFrame(rows, columns=["reward", "other", "pearson", "spearman", "n"])

    def steps(self, rows: Sequence[int] | int = 5, reward: str | None = None) -> MarkedSteps:
        """Completions with their steps marked in the text, for a notebook or `print`.

        Args:
            rows: indices of rows of the frame, or the number of rows from the first.
            reward: the name of a reward; by default all.

        Raises:
            ValueError: there is no such reward.
        """
        if reward is not None and reward not in self.parts:
            raise ValueError(f"there is no reward {reward!r} here; there are: {', '.join(self.parts)}")
        chosen = range(min(rows, len(self.frame))) if isinstance(rows, int) else rows
        names = [name for name, part in self.parts.items() if part.steps and reward in (None, name)]
        prompts: list[str] = list(self.frame["prompt"]) if "prompt" in self.frame else [""] * len(self.frame)
        texts: list[str] = list(self.frame["completion"])
        return MarkedSteps(
            [
                Marked(prompts[row], texts[row], name, shown(part.values[row]), part.steps[row])
                for row in chosen
                for name, part in ((name, self.parts[name]) for name in names)
            ]
        )

    def plot(self) -> Figure:
        """Plot histograms (right and wrong separately, if known), scatter plots of pairs, and correlations."""
        from rewards.prototyping.plot import plot

        known = self._truth(None)[1] if self.truth else None
        return plot(self.frame, self.rewards, list(self.parts), self.correlation(), known)

    def to_parquet(self, path: str | Path) -> None:
        """Write the table with the steps of each reward as `NAME.steps`."""
        table = self.frame.copy()
        for name, part in self.parts.items():
            if part.steps:
                table[f"{name}.steps"] = [[_as_dict(step) for step in steps] for steps in part.steps]
        for name in table.columns:
            if table[name].dtype == object:
                table[name] = pd.Series(storable(list(table[name])).to_pylist(), index=table.index, dtype=object)
        table.to_parquet(path, index=False)

    def _truth(self, correctness: str | Sequence[Any] | None) -> tuple[str | None, pd.Series]:
        correctness = self.truth if correctness is None else correctness
        if correctness is None:
            raise ValueError("nothing says which completions are right; give correctness=, or add a correctness reward")
        name = correctness if isinstance(correctness, str) else None
        if name is not None and name not in self.frame:
            raise ValueError(f"there is no column {name!r}; there are: {', '.join(self.frame.columns)}")
        given = self.frame[name] if name is not None else list(correctness)
        if len(given) != len(self.frame):
            raise ValueError(f"{len(given)} values of correctness for {len(self.frame)} completions")
        try:
            known = pd.Series([np.nan if pd.isna(v) else float(v) for v in given], index=self.frame.index)
        except (TypeError, ValueError):
            raise ValueError("correctness is a number in [0, 1], or None where it is not known") from None
        if ((known < 0) | (known > 1)).any():
            raise ValueError("correctness is in [0, 1], or None where it is not known")
        return name, known

    def __repr__(self) -> str:
        groups = self.frame["group"].nunique()
        return f"{len(self.frame):,} completions of {groups:,} prompts\n{self.summary().round(4).to_string()}"

    def _repr_html_(self) -> str:
        head = f"<p>{len(self.frame):,} completions of {self.frame['group'].nunique():,} prompts</p>"
        first = self.frame.head(10).to_html(float_format="%.3g", max_cols=14)
        return head + self.summary().round(4).to_html() + first


def _readable(part: Scores) -> Scores:
    """The scores with readable reasons, columns and failures."""
    return replace(
        part,
        steps=[tuple(replace(step, reason=readable(step.reason)) for step in steps) for steps in part.steps],
        columns={name: readable(list(column)) for name, column in part.columns.items()},
        failures={row: readable(error) for row, error in part.failures.items()},
    )


def _won(value: Any, right: Any, groups: Any) -> tuple[float, int]:
    """The number of pairs (right, wrong) within groups in which the right one is higher, and of all such pairs."""
    # Mann-Whitney: the rank sum of the right ones, minus its smallest possible value
    ranks = value.groupby(groups).rank()[right].sum()
    of = right.groupby(groups).agg(["sum", "size"])
    below = (of["sum"] * (of["sum"] + 1) / 2).sum()
    return float(ranks - below), int((of["sum"] * (of["size"] - of["sum"])).sum())


def _as_dict(step: Step) -> dict[str, Any]:
    return {"start": step.start, "end": step.end, "status": step.status, "score": step.score, "reason": step.reason}
