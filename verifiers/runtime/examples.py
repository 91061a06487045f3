"""A few rows for each verifier, for a self-check without data. A verifier's module may have its own in `EXAMPLES`."""

from __future__ import annotations

from typing import Any

_NUMBERS = ["72", "5", "-3", "1,234", "0.75", "1000000", "10", "624", "18"]
_DRINKS = [{"label": "A", "text": "water"}, {"label": "B", "text": "fire"}, {"label": "C", "text": "green tea"}]
_CATS = "Fae is a cat. Each cat is a feline. Felines are not insects."
_ADD = "def add(a, b):\n    return a + b\n"

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "addition": [{"prompt": "128+367=", "gold": "495"}, {"prompt": "7+5=", "gold": "12"}],
    "boolean": [{"gold": "yes"}, {"gold": "no"}, {"gold": "true"}, {"gold": "False"}],
    "chain": [{"prompt": "2+2+7?", "gold": "1"}, {"prompt": "8-3+3?", "gold": "8"}, {"prompt": "7*3-4?", "gold": "7"}],
    "choice": [{"gold": label, "choices": _DRINKS} for label in "ABC"] + [{"gold": "fire", "choices": _DRINKS}],
    "code": [
        {"gold": "7"},
        {"gold": "#### 1,234"},
        {"gold": _ADD, "tests": ["assert add(1, 2) == 3"]},
        {"gold": _ADD, "tests": {"fn_name": "add", "inputs": [[1, 2]], "outputs": [3]}},
        {"gold": "n = int(input())\nprint(2 * n)\n", "tests": {"inputs": ["4\n"], "outputs": ["8\n"]}},
    ],
    "countdown": [{"gold": "24", "numbers": [4, 7, 8, 8]}, {"gold": "99", "numbers": [25, 4, 1]}],
    "equation_system": [{"gold": "72"}, {"gold": "2.5"}],
    "exact": [{"gold": "blowing in the wind"}, {"gold": "Paris"}, {"gold": "an umbrella"}],
    "facts": [
        {
            "gold": "A",
            "choices": [{"label": "A", "text": "quell"}, {"label": "B", "text": "koba"}],
            "attribute": "weighs",
            "asked": "more",
        }
    ],
    "format": [{"gold": "7"}],
    "game24": [{"gold": "", "numbers": "4 7 8 8"}, {"gold": "", "numbers": "3 3 8 8"}],
    "logic": [
        {"gold": "true", "context": _CATS, "query": "Fae is a feline."},
        {"gold": "false", "context": _CATS, "query": "Fae is an insect."},
    ],
    "math": [
        *({"gold": gold} for gold in _NUMBERS),
        *(
            {"gold": gold}
            for gold in (r"\frac{3}{4}", r"2\sqrt{3}", "(1, 2)", "x^2 + 1", r"\{1, 2, 3\}", r"50\%", "[0, 1)")
        ),
    ],
    "numeric": [{"gold": gold} for gold in _NUMBERS],
    "reasoning_gym": [
        {"source_dataset": "chain_sum", "gold": "-4", "metadata": {"expression": "4 - 1 - 7"}},
        {"source_dataset": "leg_counting", "gold": "292", "metadata": {"total_legs": 292}},
        {"source_dataset": "gcd", "gold": "12", "metadata": {"numbers": [24, 36], "result": 12}},
        {"source_dataset": "spell_backward", "gold": "ainomma", "metadata": {"word": "ammonia"}},
        {
            "source_dataset": "countdown",
            "gold": "94*4 - 61 - 6",
            "metadata": {"numbers": [6, 61, 94, 4], "target": 309, "expression": "94*4 - 61 - 6"},
        },
    ],
    "steps": [{"gold": gold} for gold in _NUMBERS],
    "zip": [{"prompt": "101&011", "gold": "100111"}, {"prompt": "0&1", "gold": "01"}],
}
"""Verifier → rows with `gold` and the columns that it needs."""

OPTIONS: dict[str, dict[str, Any]] = {"format": {"tags": ["think", "answer"]}}
"""Options that a verifier must be given to judge its examples."""
