"""What a reward logs while it scores a batch: checked, and passed on only if the reward succeeds.

A reward that raises is called once more. Without this, what the first call logged would be there twice, and a column of
the table of completions would be longer than the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

TAKEN = (
    "step", "prompt", "completion", "reward", "advantage",
    "gold", "right", "reason", "finish_reason", "judged_steps", "hinted",
)  # fmt: skip
"""Columns of the table of completions that a reward cannot log."""
METRICS = (
    "step", "round", "epoch", "loss", "train_loss", "reward", "reward_std", "frac_reward_zero_std", "kl", "entropy",
    "learning_rate", "grad_norm", "num_tokens", "step_time", "total_flos",
)  # fmt: skip
"""Names of figures of the run, which a reward's would replace or be averaged with."""


class Logs:
    """Collects what one reward logs in one call.

    Args:
        columns: the keyword arguments of the reward, with `log_metric` and `log_extra` of a trainer if there is one.
        count: completions in the batch.
        taken: names of extra columns that other rewards have logged in this batch.
    """

    def __init__(self, columns: Mapping[str, Any], count: int, taken: Sequence[str] = ()) -> None:
        self._to_metric, self._to_extra = (columns.get(name) for name in ("log_metric", "log_extra"))
        self.count, self.taken = count, taken
        self.metrics: list[tuple[str, float]] = []
        self.extra: dict[str, list[Any]] = {}

    @property
    def functions(self) -> dict[str, Callable[..., None]]:
        """The functions that the reward gets in place of the trainer's, if there is one."""
        own = {"log_metric": (self._to_metric, self.metric), "log_extra": (self._to_extra, self.column)}
        return {name: ours for name, (theirs, ours) in own.items() if theirs is not None}

    def metric(self, name: str, value: Any) -> None:
        """Collect a number.

        Args:
            name: its name in the log.
            value: the number.

        Raises:
            ValueError: it is no number, or the run has a figure of that name.
        """
        if getattr(value, "ndim", None) == 0:  # of numpy or torch
            value = value.item()
        if not isinstance(name, str) or not isinstance(value, int | float):
            raise ValueError(f"log_metric takes a name and a number, got {name!r} and {value!r:.60}")
        if name in METRICS:
            raise ValueError(f"log_metric: the run logs a figure {name!r} itself; give this one another name")
        self.metrics.append((name, float(value)))

    def column(self, name: str, values: Any) -> None:
        """Collect a value for each completion, or for the next ones.

        Args:
            name: the column's name in the table of completions.
            values: the values.

        Raises:
            ValueError: these are no values, or the table has such a column already.
        """
        if hasattr(values, "tolist"):
            values = values.tolist()
        if not isinstance(name, str) or isinstance(values, str) or not isinstance(values, Sequence):
            raise ValueError(f"log_extra takes a name and a list of values, got {name!r} and {values!r:.60}")
        if name in TAKEN or name.startswith("rewards/"):
            raise ValueError(f"log_extra: the table of completions has a column {name!r}; give this one another name")
        self.extra.setdefault(name, []).extend(values)

    def check(self) -> None:
        """Check that each column has a value for each completion.

        Raises:
            ValueError: one has not.
        """
        for name, values in self.extra.items():
            if len(values) != self.count:
                raise ValueError(f"log_extra({name!r}) got {len(values)} values for {self.count} completions")

    def pass_on(self, reward: str) -> None:
        """Pass everything on to the trainer.

        Args:
            reward: name of the reward; it comes before a column that another reward has logged, too.
        """
        for name, value in self.metrics:
            assert self._to_metric is not None
            self._to_metric(name, value)
        for name, values in self.extra.items():
            assert self._to_extra is not None
            self._to_extra(f"{reward}.{name}" if name in self.taken else name, values)
