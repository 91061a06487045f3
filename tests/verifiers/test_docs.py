"""The tables of docs/verifiers.md are true: each row is judged as it says."""

import re
from pathlib import Path

import pytest

from verifiers import Verdict, numeric
from verifiers.runtime.verifier import Verifier

PAGE = (Path(__file__).parents[2] / "docs" / "verifiers.md").read_text()
CHOICES = [{"label": "A", "text": "water"}, {"label": "B", "text": "plant"}]


def table(heading):
    """The rows of the table under a heading, as lists of cells."""
    section = PAGE[PAGE.index(f"## {heading}\n") :].split("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows[1:]]


def code(cell):
    """The texts in a cell's backticks."""
    return re.findall(r"`([^`]+)`", cell)


def judged(verifier, prediction, gold) -> Verdict:
    row = {"prediction": prediction, "gold": gold, **({"choices": CHOICES} if verifier == "choice" else {})}
    return Verifier(verifier)([row])[0]


@pytest.mark.parametrize("row", table("The order"), ids=lambda row: f"{row[0]} {row[3]}")
def test_each_rule_finds_what_its_example_says(row):
    (rule,), (verifier,), (completion,), (answer,) = code(row[0]), code(row[2]), code(row[3]), code(row[4])
    unread = completion.endswith(answer) and "{" in answer
    verdict = judged(verifier, completion.replace("↵", "\n"), "4" if unread else answer.replace(" ; ", ", "))
    assert (verdict.rule, verdict.extracted) == (rule, answer)
    assert verdict.score == float(not unread)


def test_the_table_has_each_rule_and_a_stated_answer_is_what_strict_takes():
    rules = {code(row[0])[0] for row in table("The order")}
    assert rules == {"tag", "hashes", "cue", "box", "line", "last"}
    assert numeric.verify("She has 4.", "4", strict=True).score == 0.0


@pytest.mark.parametrize("row", table("The last number of a sentence"), ids=lambda row: row[0])
def test_what_a_sentence_ends_with_is_not_its_answer(row):
    for sentence in code(row[1]):
        for verifier in ("numeric", "math"):
            verdict = judged(verifier, f"{sentence}.", code(row[2])[0])
            assert (verdict.rule, verdict.score) == ("last", 1.0), (verifier, sentence)


@pytest.mark.parametrize("row", table("Numbers"), ids=lambda row: row[0])
def test_each_number_is_read_as_its_row_says(row):
    for written in code(row[0]):
        if row[1] == "none":
            assert numeric.verify(f"The answer is {written}", "3").score == 0.0
            assert numeric.verify(f"The answer is {written}", "7").score == 0.0
            assert numeric.answer_quantity(f"The answer is {written}")[0].value is None
        else:
            assert numeric.verify(f"The answer is {written}", code(row[1])[0]).score == 1.0, written
