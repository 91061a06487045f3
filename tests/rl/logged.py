"""What two runs logged, in a form that is the same where they did the same."""

from typing import Any

from rl.storage.run_folder import RunFolder, read_jsonl


def logged_but_times(folder: RunFolder) -> list[dict[str, Any]]:
    """The rows of a run's metrics without its times, in which no two runs are equal."""
    return [
        {name: value for name, value in row.items() if not name.startswith("time/")}
        for row in read_jsonl(folder.metrics)
    ]
