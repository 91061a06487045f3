"""Makes stand-ins for models and data: tiny random models, and rows of made-up problems."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForTokenClassification,
    AutoTokenizer,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
)

from rewards.parts.shown import columns_of
from rl.config import Config, DatasetTask
from rl.errors import UserError
from rl.runs.memory import local_folder
from rl.smoke.shrink import MADE_HERE, is_here
from verifiers.runtime.examples import EXAMPLES

SIZES = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
ROWS = {"train": 48, "validation": 16, "test": 16}


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer that reads any text, byte by byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(["<pad>", "<eos>", *alphabet])}
    reader = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    reader.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    reader.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=reader, pad_token="<pad>", eos_token="<eos>")


def policy(name: str, to: Path) -> str:
    """Make a tiny random policy, with the named one's architecture and tokenizer if that is on this machine.

    Args:
        name: folder or hub id of the policy.
        to: where to save it.

    Returns:
        A description of it.
    """
    folder = local_folder(name)
    torch.manual_seed(0)
    if folder is None:
        tokenizer = byte_tokenizer()
        model = AutoModelForCausalLM.from_config(_llama(len(tokenizer)))
        said = f"{name} is not on this machine: a tiny random Llama that reads bytes stands in for it"
    else:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForCausalLM.from_config(_small(AutoConfig.from_pretrained(folder)))
        said = f"{name}: a tiny random model of its architecture ({type(model).__name__}), with its tokenizer"
    model.save_pretrained(to)
    tokenizer.save_pretrained(to)
    return said


def process_model(to: Path) -> None:
    """Make a tiny random model with a value for each token.

    Args:
        to: where to save it.
    """
    tokenizer = byte_tokenizer()
    torch.manual_seed(0)
    AutoModelForTokenClassification.from_config(_llama(len(tokenizer), num_labels=1)).save_pretrained(to)
    tokenizer.save_pretrained(to)


def data(config: Config, folder: Path) -> dict[str, str] | None:
    """Write made-up rows for a task, or for examples, whose data is not on this machine.

    Args:
        config: the config, which determines the columns.
        folder: where to write.

    Returns:
        Split → its file; None if all data is on this machine.

    Raises:
        UserError: no row can be made up that fits the config.
    """
    if not (missing := absent(config)):
        return None
    assert isinstance(config.task, DatasetTask), "other tasks are generated"
    if config.task.verifier not in EXAMPLES:
        raise UserError("task.data", f"{missing[0]} is not here, and no rows can be made up for {config.task.verifier}")
    rows = iter(list(islice(_rows(config, config.task), sum(ROWS.values()))))
    files = {}
    for split, count in ROWS.items():
        file = folder / f"{split}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in islice(rows, count)), encoding="utf-8")
        files[split] = str(file)
    return files


def absent(config: Config) -> list[str]:
    """The sources of rows that are not on this machine.

    Args:
        config: a checked config.
    """
    given = getattr(config.task, "data", {})
    sources = [given] if isinstance(given, str) else list(given.values())
    examples = getattr(config.algorithm, "examples", None)
    sources += [] if examples is None else [one.data for one in examples.data.values() if one.data not in MADE_HERE]
    return [source for source in sources if not is_here(source)]


def _rows(config: Config, task: DatasetTask) -> Any:
    """An endless stream of rows, each with every column that the config names."""
    examples = getattr(config.algorithm, "examples", None)
    named = {**task.columns, **({} if examples is None else examples.columns)}
    shown = columns_of(task.template)
    wanted = {"question", "gold", *shown, *named}
    for number, example in enumerate(cycle(EXAMPLES[task.verifier])):
        example = {"gold": "", **{name: value for name, value in example.items() if name != "prompt"}}
        answer = _answer(str(example["gold"]), task.answer_pattern)
        question = f"Made-up question {number}: what is it?"
        known = {**dict.fromkeys(shown, question), "question": question, **example, "gold": answer}
        row: dict[str, Any] = {}
        for name in (*wanted, *known):
            _put(row, named.get(name, name), known.get(name, str(example["gold"])))
        yield row


def _answer(gold: str, pattern: str | None) -> str:
    """The gold in a form in which `task.answer_pattern` finds it.

    Raises:
        UserError: the pattern finds it in none of the usual forms.
    """
    for form in ("{}", "#### {}", "The answer is {}.", r"\boxed{{{}}}"):
        text = form.format(gold)
        if pattern is None or ((found := re.search(pattern, text)) and found[1].strip() == gold):
            return text
    raise UserError("task.answer_pattern", f"finds {gold!r} in no usual form of an answer, so no rows can be made up")


def _put(row: dict[str, Any], place: str, value: Any) -> None:
    """Set a column, with dots into nested ones."""
    *above, last = place.split(".")
    for part in above:
        row = row.setdefault(part, {})
    row.setdefault(last, value)


def _llama(vocabulary: int, **changes: Any) -> LlamaConfig:
    room = {"vocab_size": vocabulary, "max_position_embeddings": 4096}
    return LlamaConfig(**SIZES, **room, num_key_value_heads=2, pad_token_id=0, eos_token_id=1, **changes)


def _small(config: PreTrainedConfig) -> PreTrainedConfig:
    """The configuration of a model, reduced to a few narrow layers."""
    text: Any = config.get_text_config()
    changes: Mapping[str, Any] = {**SIZES, "num_key_value_heads": 2, "head_dim": 16, "max_window_layers": 2}
    for name, value in changes.items():
        if getattr(text, name, None) is not None:
            setattr(text, name, value)
    if getattr(text, "layer_types", None):
        text.layer_types = text.layer_types[: SIZES["num_hidden_layers"]]
    return config
