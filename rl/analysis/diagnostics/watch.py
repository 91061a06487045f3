"""Runs the diagnostics while a run logs, or later on the records of a run folder, with the same results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rl.analysis.diagnostics.record import Finding, Record
from rl.analysis.diagnostics.registry import AT_EVALUATIONS, AT_LOG_LINES, Look


class Watch:
    """The diagnostics of one run. Each reports at most one finding, the first time that it sees a problem.

    A diagnostic that raises an error is reported once and not run again; the training goes on.

    Args:
        config: the resolved config.
        tell: is called with each finding.
        complain: is called with a message about each diagnostic that broke.
        at_evaluations: name → diagnostic that runs when an evaluation is logged.
        at_log_lines: name → diagnostic that runs at each log line.

    Attributes:
        findings: the findings in their order.
        broken: name → the error that it raised.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        tell: Callable[[Finding], None] = lambda finding: None,
        complain: Callable[[str], None] = lambda what: None,
        *,
        at_evaluations: Mapping[str, Look] = AT_EVALUATIONS,
        at_log_lines: Mapping[str, Look] = AT_LOG_LINES,
    ) -> None:
        self.record = Record(config)
        self.tell, self.complain = tell, complain
        self.findings: list[Finding] = []
        self.broken: dict[str, str] = {}
        self._at_evaluations, self._at_log_lines = dict(at_evaluations), dict(at_log_lines)

    def evaluated(self, row: Mapping[str, Any]) -> None:
        """Record an evaluation, before its log line."""
        self.record.evaluations.append({name: value for name, value in row.items() if name != "examples"})

    def log(self, row: Mapping[str, Any]) -> None:
        """Record a log line, with its `step`, and run the diagnostics."""
        self.record.add(row)
        if any(name.startswith("eval/") for name in row):
            self.look_at_accuracy()
        else:
            self._ask(self._at_log_lines)

    def look_at_accuracy(self) -> None:
        """Run the diagnostics that compare evaluations."""
        self._ask(self._at_evaluations)

    def _ask(self, waiting: dict[str, Look]) -> None:
        for name, look in list(waiting.items()):
            try:
                finding = look(self.record)
            except Exception as error:  # no error of a diagnostic may end a run
                del waiting[name]
                self.broken[name] = f"{type(error).__name__}: {error}"
                self.complain(f"the diagnostic {name} broke and is left out ({self.broken[name]})")
                continue
            if finding is not None:
                del waiting[name]
                self.findings.append(finding)
                self.tell(finding)


def replayed(
    metrics: Sequence[Mapping[str, Any]],
    evaluations: Sequence[Mapping[str, Any]],
    config: Mapping[str, Any],
    watch: Watch | None = None,
) -> Watch:
    """What the diagnostics said, or would have said, about a run.

    Args:
        metrics: the lines of `metrics.jsonl`.
        evaluations: the lines of `evaluations.jsonl`.
        config: the resolved config.
        watch: the watch that reads them; by default a silent one.
    """
    watch = watch or Watch(config)
    waiting = {(row["split"], row["step"]): row for row in evaluations}
    for row in metrics:
        for split in {name.split("/")[1] for name in row if name.startswith("eval/")}:
            if (measured := waiting.pop((split, row["step"]), None)) is not None:
                watch.evaluated(measured)
        watch.log(row)
    if waiting and metrics:  # the run ended between an evaluation and its log line
        for row in waiting.values():
            watch.evaluated(row)
        watch.look_at_accuracy()
    return watch
