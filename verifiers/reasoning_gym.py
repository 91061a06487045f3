"""Any task of reasoning-gym, judged by the task's own scorer (Stojanovski et al. 2025, arXiv:2505.24760).

The scorers are other people's code: they may raise, hang, or return something other than a score in [0, 1]. In all
three cases the verdict is `failed`. Therefore this module runs in a worker that can be killed.

The scorer gets the text in the last `<answer>…</answer>` after the thinking and before a next question. Without tags it
gets the content of the last box, or the text after the last `answer is`, `answer:` or heading `Answer`, whichever comes
later, without the marks of bold text; without those it gets the whole text. If the entry's own answer is a single line,
the scorer gets only the first line after such words, without a full stop that the entry's answer does not have, or else
the last line.
"""

from __future__ import annotations

import importlib
import json
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from verifiers.answer.completion import end_of_answer, without_thinking
from verifiers.answer.reader import stated
from verifiers.runtime.names import nearest
from verifiers.verdict import Verdict, abstained, failed, judged

ISOLATED = True
OF_THE_ROW = ("question", "options")
DEADLINE = 10.0
"""Seconds of processor time an item; some data sets take one to set up."""
HEAVY = "reasoning_gym"
"""What a worker imports before its first item; it takes two seconds."""

MAX_TEXT = 200_000

_EXAMPLES = ("possible_answer", "example_correct_answer", "example_answer")
"""Metadata that holds an answer where the entry has none."""
_TUPLES = {"arc_agi": "output", "rearc": "output"}
"""Metadata that a scorer compares with a tuple of tuples; as JSON it is lists."""

_TAGGED = re.compile(r"<answer>(.*?)</answer>", re.DOTALL | re.IGNORECASE)
_MARK = re.compile(
    r"(?:####|\b(?:final )?answer\s?[*_]{0,2}(?:is|:)[*_]{0,2}\s?:?|(?m:^[#*_ ]{1,9}(?:final )?answer[*_ ]{0,4}$))\s*",
    re.IGNORECASE,
)


def verify(
    prediction: str,
    gold: str,
    *,
    source_dataset: str,
    metadata: str | Mapping[str, Any],
    question: str = "",
    options: str | Mapping[str, Any] | None = None,
) -> Verdict:
    """Judge an answer by the scorer of its data set; partial credit is the scorer's.

    Args:
        prediction: the completion.
        gold: the entry's answer; empty where the entry has none and the scorer alone decides.
        source_dataset: the data set's name in reasoning-gym, such as `countdown`.
        metadata: the entry's metadata, a mapping or JSON text.
        question: the entry's question, which some scorers read.
        options: the options the entry was made with, a mapping or JSON text; some scorers depend on them.

    Returns:
        Judged; failed where the scorer raises or gives no score in [0, 1]; abstained where the completion is longer
        than 200,000 characters.

    Raises:
        ValueError: reasoning-gym has no such data set, or the metadata or options are no JSON mapping.
    """
    if len(prediction) > MAX_TEXT:
        return abstained(f"longer than {MAX_TEXT} characters")
    scorer = _scorer(source_dataset, json.dumps(_mapping("options", options or {}), sort_keys=True))
    details = _mapping("metadata", metadata)
    if (key := _TUPLES.get(source_dataset)) and key in details:
        details[key] = tuple(tuple(row) for row in details[key])
    entry = {"question": question, "answer": gold or None, "metadata": details}
    answer = answer_of(prediction, gold)
    try:
        score = scorer.score_answer(answer, entry)
        value = float(score)
    except Exception as error:  # whatever a scorer raises, it is the scorer that broke, not the answer
        return failed(f"the scorer of {source_dataset} raised {type(error).__name__}: {error}"[:200], extracted=answer)
    if not (math.isfinite(value) and 0.0 <= value <= 1.0):
        return failed(f"the scorer of {source_dataset} gave {score!r}, no score in [0, 1]", extracted=answer)
    return judged(value, f"{source_dataset}'s own scorer", extracted=answer)


def gold_prediction(gold: str, *, metadata: str | Mapping[str, Any], **_: Any) -> str | None:
    """A completion that the scorer must accept.

    Args:
        gold: the entry's answer; empty where it has none.
        metadata: the entry's metadata, a mapping or JSON text.

    Returns:
        The answer, or the example in the metadata, in tags; None where the entry has neither.
    """
    if gold:
        return f"<answer>{gold}</answer>"
    details = _mapping("metadata", metadata)
    found = next((details[key] for key in _EXAMPLES if details.get(key)), None)
    if found is None:
        return None
    return f"<answer>{found if isinstance(found, str) else json.dumps(found)}</answer>"


def answer_of(prediction: str, gold: str = "") -> str:
    """The part of a completion that the scorer is given.

    Args:
        prediction: the completion.
        gold: the entry's answer, which says whether an answer has one line; empty where that is not known.

    Returns:
        That part, stripped; see the module.
    """
    text = without_thinking(prediction[: end_of_answer(prediction)])
    single = bool(gold) and "\n" not in gold.strip()
    if tagged := _TAGGED.findall(text):
        return tagged[-1].strip()
    marks = list(_MARK.finditer(text))
    box = next((span for span in stated(text) if span.rule == "box" and not span.fault), None)
    if box is not None and (not marks or text.rfind("\\boxed") >= marks[-1].end() - len("\\boxed")):
        return box.text.strip()
    if not marks:
        return text.strip().rpartition("\n")[2].strip() if single else text.strip()
    answer = text[marks[-1].end() :].strip()
    if single:
        answer = answer.partition("\n")[0].strip()
        answer = answer if gold.rstrip().endswith(".") else answer.removesuffix(".")
    return answer.strip("*").strip()


@lru_cache(maxsize=64)
def _scorer(name: str, options: str) -> Any:
    """reasoning-gym's data set object; its entries are not drawn, so one is enough."""
    factory = importlib.import_module("reasoning_gym.factory")  # the package, of the same name as this module
    if name not in factory.DATASETS:
        raise ValueError(f"reasoning-gym has no data set {name!r}; {nearest(name, factory.DATASETS)}")
    return factory.create_dataset(name, **{"size": 1, "seed": 0} | json.loads(options))


def _mapping(name: str, value: str | Mapping[str, Any]) -> dict[str, Any]:
    try:
        parsed = json.loads(value) if isinstance(value, str) else dict(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise ValueError(f"{name} is a mapping, not {type(parsed).__name__}")
    return parsed
