"""The card of an exported policy: what it is, how it was trained, and what was measured."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

from rl.analysis.rows import compared
from rl.config import Config, dump

LOADING = """```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("{folder}")
tokenizer = AutoTokenizer.from_pretrained("{folder}")
```"""


def model_card(config: Config, summary: Mapping[str, Any], *, base: str, folder: str, adapter: bool) -> str:
    """The model card, in Markdown with the hub's header.

    Args:
        config: the run's config.
        summary: the run's summary.
        base: the folder or hub id of the model that was trained.
        folder: the folder that the card is for.
        adapter: whether it holds an adapter, which needs the base model.
    """
    header = {
        "library_name": "peft" if adapter else "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["whetstone", config.algorithm.name],
        **({} if base == "embedded" else {"base_model": base}),
    }
    kind = "adapter of" if adapter else "fine-tuned model from"
    parts = [
        f"---\n{OmegaConf.to_yaml(OmegaConf.create(header))}---",
        f"# {config.name}",
        f"A{'n' if adapter else ''} {kind} `{base}`, trained on the task `{config.task.name}` with "
        f"{config.algorithm.name.upper()} by Whetstone.",
        *([f"It needs its base model at `{base}`; an export with `--merge` stands alone."] if adapter else []),
        LOADING.format(folder=folder),
        "## Figures",
        f"On {summary['after']['n']:,} test problems that it was not trained on, each figure with its 95% interval.",
        _figures(summary),
        "## Prompt",
        _prompt(config),
        "## How it was made",
        _made(config, summary),
        f"## Config\n\n```yaml\n{dump(config)}```",
    ]
    return "\n\n".join(parts) + "\n"


def _figures(summary: Mapping[str, Any]) -> str:
    lines = ["| share of answers that are … | before | after |", "|---|---|---|"]
    for meaning, intervals in compared([summary["before"], summary["after"]]):
        cells = [f"{one['value']:.3f} ({one['low']:.3f} to {one['high']:.3f})" for one in intervals]
        lines.append(f"| {meaning} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _prompt(config: Config) -> str:
    template = getattr(config.task, "template", None)
    shown = "The task writes the prompts itself." if template is None else f"```text\n{template}\n```"
    if not getattr(config.task, "chat", False):
        return shown
    system = getattr(config.task, "system", None)
    before = f", after the system message {system!r}" if system else ""
    return f"One message of the user{before}, laid out by the tokenizer's chat template:\n\n{shown}"


def _made(config: Config, summary: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(dump(config).encode()).hexdigest()
    facts = {
        "optimizer steps": f"{summary['steps']:,}",
        "tokens generated": f"{summary['tokens_generated']:,}",
        "time": f"{summary['wall_s']:,.0f} s on {summary['device']}",
        "seed": str(summary["seed"]),
        "config, SHA-256": f"`{digest}`",
    }
    for split, data in summary.get("data", {}).items():
        facts[f"{split}, SHA-256 of {data['rows']:,} rows"] = f"`{data['sha256']}`"
    facts |= summary["versions"]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts.items())])
