"""Runs one verifier over rows: options checked once, columns picked per row, a broken verifier told apart.

A verifier module runs inline unless it says `ISOLATED = True`: then its work goes to a pool of killable workers, under
`DEADLINE` seconds of processor time an item. Such a module may offer two more functions that keep the pool for the
hard cases:

- `fast(prediction, gold, **options)`, run in the caller, returns a Verdict where the case is plain, else a tuple of
  arguments for
- `slow(*arguments)`, run in the pool. Equal arguments are judged once, within a call and across calls.

Without them `verify` itself runs in the pool.

A module whose verdicts judge a completion's steps says `JUDGES_STEPS = True`; chain accuracy is measured with it. One
that reads a form of its own and no answer stated in prose says `ONE_FORM = True` and offers `gold_prediction`
(`verifiers.runtime.self_check`).

A module with processes of its own may instead offer `verify_many(rows, *, workers=None)`, which gets the rows with
their options filled in and returns a verdict a row, in order.

A row's column with the name of an option wins over the option, for this row. A module says in `OF_THE_ROW` which of its
options describe the problem, so that they are usual columns, and in `OF_THE_CONFIG` which only a config may set.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from verifiers import VERIFIERS
from verifiers.runtime.golds import against_any, golds_of
from verifiers.runtime.names import nearest
from verifiers.verdict import Verdict, failed

DEADLINE = 5.0
"""Seconds of processor time for an item of an isolated verifier that names no deadline."""
REMEMBERED = 20_000
"""Verdicts kept across calls, the oldest dropped first."""
_LIMITS = ("deadline", "workers", "memory")
_PLAIN_TYPES: dict[str, Any] = {"bool": bool, "int": int, "float": (int, float), "str": str}


class Verifier:
    """A verifier by name with its options, applied to rows.

    Args:
        name: a key of `verifiers.VERIFIERS`.
        **options: values for the verifier's keyword parameters that have a default. For a verifier that runs in the
            pool also its limits: `deadline` (seconds of processor time an item), `workers` (processes), `memory` (GiB
            a worker).

    Attributes:
        columns: names of the columns that each row must have besides `prediction` and `gold`.
        options: the options it was given.
        judges_steps: whether its verdicts judge a completion's steps; the verifier's module says `JUDGES_STEPS = True`.

    Raises:
        ValueError: no verifier of that name, or it has no such option (the message names the nearest valid one), or an
            option has a value that the verifier does not take.
    """

    def __init__(self, name: str, **options: Any) -> None:
        self.name = name
        self.options = dict(options)
        self._module = module(name)
        self._verify = self._module.verify
        parameters = inspect.signature(self._verify).parameters.values()
        keywords = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
        self.columns = tuple(p.name for p in keywords if p.default is p.empty)
        self._options = {p.name for p in keywords if p.default is not p.empty}
        self._of_rows = self._options - set(getattr(self._module, "OF_THE_CONFIG", ()))
        self.judges_steps: bool = getattr(self._module, "JUDGES_STEPS", False)
        self._isolated = getattr(self._module, "ISOLATED", False)
        self._verify_many = getattr(self._module, "verify_many", None)
        limits = set(_LIMITS) if self._isolated else {"workers"} if self._verify_many else set()
        limits -= self._options
        for option in options:
            if option not in self._options | limits:
                raise ValueError(
                    f"verifier {name!r} has no option {option!r}; {nearest(option, self._options | limits)}"
                )
        self._limits = {option: value for option, value in options.items() if option in limits}
        self._deadline = float(self._limits.pop("deadline", None) or getattr(self._module, "DEADLINE", DEADLINE))
        if self._deadline <= 0:
            raise ValueError(f"verifier {name!r}: a deadline is more than 0 s, not {self._deadline:g}")
        self._given = {option: value for option, value in options.items() if option not in limits}
        self._remembered: OrderedDict[Hashable, Verdict] = OrderedDict()
        self._known: dict[str, Verdict] | None = None
        self._refuse_values({p.name: str(p.annotation) for p in keywords})

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> list[Verdict]:
        """Judge rows of `prediction`, `gold` and this verifier's columns; one verdict a row, in order.

        A gold may be a number, or a list of which any counts as right (`verifiers/runtime/golds.py`).

        Raises:
            KeyError: a row lacks a column that the verifier needs.
        """
        if all(type(row["gold"]) is str for row in rows):
            return self._judge_new(rows)
        golds = [golds_of(row["gold"]) for row in rows]
        each = iter(
            self._judge_new([{**row, "gold": gold} for row, of in zip(rows, golds, strict=True) for gold in of])
        )
        return [against_any([next(each) for _ in of]) for of in golds]

    @contextmanager
    def once(self) -> Iterator[None]:
        """While this lasts, equal rows are judged once, however many rewards ask about them."""
        self._known = {}
        try:
            yield
        finally:
            self._known = None

    def _judge_new(self, rows: Sequence[Mapping[str, Any]]) -> list[Verdict]:
        """Verdicts of rows, those that are known already taken from there (`once`)."""
        if self._known is None:
            return self._judge(rows)
        keys = [repr((row["prediction"], row["gold"], sorted(self.arguments(row).items()))) for row in rows]
        new = {key: row for key, row in zip(keys, rows, strict=True) if key not in self._known}
        self._known.update(zip(new, self._judge(list(new.values())), strict=True))
        return [self._known[key] for key in keys]

    def _judge(self, rows: Sequence[Mapping[str, Any]]) -> list[Verdict]:
        """Verdicts of rows whose `gold` is one text each."""
        if self._isolated:
            return self._judge_isolated(rows)
        if self._verify_many is not None:
            filled = [{**self.arguments(row), "prediction": row["prediction"], "gold": row["gold"]} for row in rows]
            return self._verify_many(filled, **self._limits)
        return [self._guarded(self._verify, row, self.arguments(row)) for row in rows]

    def arguments(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The verifier's keywords for one row: its columns, the options given, and the row's own options over them."""
        arguments = dict(self._given)
        for column in self.columns:
            arguments[column] = row[column]
        if len(row) > len(self.columns) + ("prediction" in row) + ("gold" in row):  # else it has no option of its own
            for option in self._of_rows:
                if row.get(option) is not None:
                    arguments[option] = row[option]
        return arguments

    def set_by(self, rows: Iterable[Mapping[str, Any]]) -> str | None:
        """A sentence about the options that say how answers are judged and that rows set by columns of their names.

        Columns that say what the problem is, which a module names in `OF_THE_ROW`, are not among them.

        Args:
            rows: rows of data.

        Returns:
            None if there are none.
        """
        options = self._of_rows - set(getattr(self._module, "OF_THE_ROW", ()))
        names = sorted({name for row in rows for name in options & row.keys() if row[name] is not None})
        if not names:
            return None
        return (
            f"verifier {self.name!r} takes {', '.join(names)} from the data's columns of that name, row by row; rename "
            f"them if they mean something else"
        )

    def _refuse_values(self, annotations: Mapping[str, str]) -> None:
        """Refuse now the options whose values would make every verdict a failure."""
        if not self._given:
            return
        for option, value in self._given.items():
            wanted = _PLAIN_TYPES.get(annotations[option])
            if wanted and (not isinstance(value, wanted) or isinstance(value, bool) != (wanted is bool)):
                raise ValueError(f"verifier {self.name!r}: {option} is of type {annotations[option]}, not {value!r}")
        try:  # verifiers look at their options first
            self._verify("", "", **dict.fromkeys(self.columns, ""), **self._given)
        except Exception as error:  # of an empty row, unless it speaks of an option
            spoken_of = any(re.search(rf"\b{re.escape(option)}\b", str(error)) for option in self._given)
            if isinstance(error, ValueError) and spoken_of:
                raise ValueError(f"verifier {self.name!r}: {error}") from None

    def _guarded(self, function: Callable[..., Any], row: Mapping[str, Any], arguments: dict[str, Any]) -> Any:
        prediction, gold = row["prediction"], row["gold"]
        try:
            return function(prediction, gold, **arguments)
        except Exception as error:  # whatever a verifier raises, it is the verifier that broke, not the answer
            return failed(f"{type(error).__name__}: {error}"[:200])

    def _judge_isolated(self, rows: Sequence[Mapping[str, Any]]) -> list[Verdict]:
        from verifiers.runtime.pool import Call  # pebble and multiprocessing load only where a pool is used

        fast = getattr(self._module, "fast", None)
        verdicts: dict[int, Verdict] = {}
        waiting: dict[Hashable, tuple[Call, list[int]]] = {}
        for index, row in enumerate(rows):
            arguments = self.arguments(row)
            if fast is None:
                call = Call(self._module.__name__, "verify", (row["prediction"], row["gold"]), arguments)
            else:
                outcome = self._guarded(fast, row, arguments)
                if isinstance(outcome, Verdict):
                    verdicts[index] = outcome
                    continue
                call = Call(self._module.__name__, "slow", outcome)
            key = _key(call, index)
            if key in self._remembered:
                self._remembered.move_to_end(key)
                verdicts[index] = self._remembered[key]
            else:
                waiting.setdefault(key, (call, []))[1].append(index)
        if waiting:
            self._judge_waiting(waiting, verdicts)
        return [verdicts[index] for index in range(len(rows))]

    def _judge_waiting(self, waiting: dict[Hashable, tuple[Any, list[int]]], verdicts: dict[int, Verdict]) -> None:
        from verifiers.runtime.pool import shared

        pool = shared(self._module.__name__, **self._limits)
        results = pool.run([call for call, _ in waiting.values()], self._deadline)
        for (key, (_, indices)), verdict in zip(waiting.items(), results, strict=True):
            for index in indices:
                verdicts[index] = verdict
            if verdict.status != "failed" and not isinstance(key, int):  # a failure may be this moment's
                self._remembered[key] = verdict
                if len(self._remembered) > REMEMBERED:
                    self._remembered.popitem(last=False)


def module(name: str) -> ModuleType:
    """The module of a verifier by name.

    Raises:
        ValueError: no verifier of that name.
    """
    if name not in VERIFIERS:
        raise ValueError(f"no verifier is named {name!r}; {nearest(name, VERIFIERS)}")
    return importlib.import_module(VERIFIERS[name])


def load(name: str) -> Callable[..., Verdict]:
    """The `verify` function of a verifier by name.

    Raises:
        ValueError: no verifier of that name.
    """
    return module(name).verify


def _key(call: Any, index: int) -> Hashable:
    """What makes two calls equal; the row's own index where its arguments cannot be compared."""
    key = (call.function, call.arguments, tuple(sorted(call.keywords.items())))
    try:
        hash(key)
    except TypeError:
        return index
    return key
