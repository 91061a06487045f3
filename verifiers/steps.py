"""Equation chains judged step by step: `16-3-4=9`, GSM8K's `<<16-3-4=9>>`, one step per line, and programs.

Each step has its span of characters and its own verdict. A step of text is an equation, as found by
`verifiers.arithmetic.equations`. It is right if its arithmetic is true, in exact rationals with the rounding rule of
`verifiers.arithmetic.expressions.rounds_to`. Its reason says whether it *follows from what is known*, which counts if
`require_known` is set: each number on its left must be a number of the question (digits or words, a percentage or its
hundredth), the result of an earlier step, or one of `constants`.

    <<48/2=24>>24 clips in May, <<48+24=72>>72 in all.     →  two steps, both right; the score is 1 where gold is 72

Programs (`#0: multiply ( number0, number1 ) | EOS`) are run, see `verifiers.arithmetic.programs`. If their gold is the
answer, the last step is judged by its value. If it is a program, a step is right if the gold program computes the same
value, not only for the numbers of this question but in general.

No verifier of arithmetic can detect a step that is true, made of known numbers, and irrelevant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from verifiers.answer.completion import end_of_answer
from verifiers.arithmetic import programs
from verifiers.arithmetic.chains import Quantity
from verifiers.arithmetic.equations import Equation, equations, show
from verifiers.arithmetic.expressions import Unreadable, rounds_to
from verifiers.arithmetic.programs import ProgramStep, question_numbers
from verifiers.numeric import answer_quantity, gold_quantity, same
from verifiers.verdict import Step, Verdict, abstained, judged

JUDGES_STEPS = True
OF_THE_ROW = ("question", "prompt")

MAX_TEXT = 100_000
"""Largest number of characters of a completion that is judged."""

CONSTANTS = (0, 1, 2, 3, 4, 7, 10, 12, 24, 30, 31, 52, 60, 100, 365, 1000)
"""Numbers that need no source: small counts, days, months, hours, minutes, percent."""

_NUMBER_WORDS = """
0 no zero none; 1 one a once single; 2 two twice double both couple pair pairs; 3 three thrice triple; 4 four quadruple;
5 five; 6 six; 7 seven week weeks; 8 eight; 9 nine; 10 ten; 11 eleven; 12 twelve dozen dozens; 13 thirteen; 14 fourteen;
15 fifteen; 16 sixteen; 17 seventeen; 18 eighteen; 19 nineteen; 20 twenty; 30 thirty; 40 forty; 50 fifty; 60 sixty;
70 seventy; 80 eighty; 90 ninety; 100 hundred; 1000 thousand; 1000000 million; 1/2 half halves; 1/3 third thirds;
1/4 quarter quarters fourth fourths; 1/5 fifth fifths; 1/6 sixth sixths; 1/8 eighth eighths; 1/10 tenth tenths
"""
_WORDS = {word: Fraction(line.split()[0]) for line in _NUMBER_WORDS.split(";") for word in line.split()[1:]}


def verify(
    prediction: str,
    gold: str,
    *,
    question: str = "",
    prompt: str | Sequence[Mapping[str, Any]] = "",
    step_unit: str = "equation",
    require_known: bool = False,
    constants: Sequence[float] = CONSTANTS,
) -> Verdict:
    """Judge a chain of equations: the score is 1 if its final answer equals the gold, else 0; steps are separate.

    Args:
        prediction: the completion; its answer is the number after `####` or a similar mark, else its last number.
        gold: the answer, a number at the end of a text; or a program if the prediction is a program.
        question: the question's text, for the known numbers and for a program's numbers; by default `prompt`.
        prompt: the prompt, text or chat messages, used if there is no `question`.
        step_unit: the unit of a step: an `equation`, or a `line` with all its equations.
        require_known: whether a step with numbers that do not follow from what is known is wrong.
        constants: numbers that are always known.

    Returns:
        Judged, with the answer as written in `extracted`. Abstained if the gold has no number (the steps are still
        judged), or the completion has more than 100,000 characters or 2,000 equations. A step that is not plain
        arithmetic is abstained.

    Raises:
        ValueError: `step_unit` has another value.
    """
    if step_unit not in ("equation", "line"):
        raise ValueError(f"step_unit is 'equation' or 'line', not {step_unit!r}")
    if len(prediction) > MAX_TEXT:
        return abstained(f"longer than {MAX_TEXT} characters")
    text = question or _text(prompt)
    if programs.is_program(prediction):
        return _program(prediction, gold, question_numbers(text))
    try:
        found = equations(prediction[: end_of_answer(prediction)])
    except Unreadable as error:
        return abstained(str(error))
    judge = _Known(text, constants, require_known) if text else None
    steps = [_step(equation, judge) for equation in found]
    if step_unit == "line":
        steps = _lines(prediction, steps)
    want = gold_quantity(gold)
    if programs.is_program(gold):
        ran = programs.run(gold, question_numbers(text))
        want = Quantity(ran[-1].value, "") if ran and ran[-1].value is not None else None
    if want is None:
        return abstained("the gold holds no number", steps=tuple(steps))
    answer = answer_quantity(prediction)
    if answer is None:
        return judged(0.0, "no number in the answer", steps=tuple(steps))
    quantity, rule = answer
    right = same(quantity, want)
    reason = "right" if right else "another answer"
    return judged(right, reason, extracted=quantity.written, rule=rule, steps=tuple(steps))


def _text(prompt: str | Sequence[Mapping[str, Any]]) -> str:
    """The text of a prompt: the string itself, or the user's messages in a chat."""
    if isinstance(prompt, str):
        return prompt
    return "\n".join(str(message["content"]) for message in prompt if message.get("role") == "user")


class _Known:
    """The numbers that a step may use; each step adds its result."""

    def __init__(self, text: str, constants: Sequence[float], required: bool) -> None:
        self.required = required
        self.numbers = {Fraction(value) for value in constants} | set(question_numbers(text))
        self.numbers |= {_WORDS[word] for word in re.findall(r"[a-z]+", text[:100_000].lower()) if word in _WORDS}
        for above, below in re.findall(r"(?<![\d.])(\d{1,6})/(\d{1,6})(?![\d.])", text[:100_000]):
            if int(below):
                self.numbers.add(Fraction(int(above), int(below)))
        for tens, ones in re.findall(r"\b([a-z]+ty)[- ]([a-z]+)\b", text[:100_000].lower()):
            if tens in _WORDS and ones in _WORDS:
                self.numbers.add(_WORDS[tens] + _WORDS[ones])

    def unknown(self, equation: Equation) -> list[Fraction]:
        """The operands that are not known, even as a percentage, in order."""
        known = self.numbers
        return [n for n in equation.operands if n not in known and n * 100 not in known and n / 100 not in known]

    def add(self, equation: Equation) -> None:
        if equation.result is not None:
            self.numbers.add(equation.result)


def _step(equation: Equation, known: _Known | None) -> Step:
    span = equation.start, equation.end
    if equation.true is None:
        return Step(*span, "abstained", None, equation.reason)
    unknown = known.unknown(equation) if known else []
    if known:
        known.add(equation)
    if not equation.true:
        return Step(*span, "judged", 0.0, equation.reason)
    if not unknown:
        return Step(*span, "judged", 1.0, "right")
    names = ", ".join(show(value) for value in unknown[:5])
    reason = f"{names} {'is' if len(unknown) == 1 else 'are'} not known from the question or an earlier step"
    if known and known.required:
        return Step(*span, "judged", 0.0, reason)
    return Step(*span, "judged", 1.0, f"right, but {reason}")


def _lines(text: str, steps: Sequence[Step]) -> list[Step]:
    """One step per nonblank line, with the score of its worst equation; abstained if none of them is judged."""
    lines: list[Step] = []
    start = 0
    waiting = list(reversed(steps))
    for line in text.split("\n"):
        end = start + len(line)
        here: list[Step] = []
        while waiting and waiting[-1].start < end:
            here.append(waiting.pop())
        if line.strip():
            first, last = start + len(line) - len(line.lstrip()), start + len(line.rstrip())
            scored = [step for step in here if step.score is not None]
            if scored:
                worst = min(scored, key=lambda step: step.score or 0.0)
                lines.append(Step(first, last, "judged", worst.score, worst.reason))
            else:
                lines.append(Step(first, last, "abstained", None, here[0].reason if here else "no equation"))
        start = end + 1
    return lines


def _program(prediction: str, gold: str, numbers: Sequence[Fraction]) -> Verdict:
    if programs.is_program(gold):
        return _against_program(prediction, gold, numbers)
    want = gold_quantity(gold)
    ran = programs.run(prediction, numbers)
    if want is None or want.value is None:
        return abstained("the gold holds no number")
    if not numbers and "number" in prediction:
        return abstained("the program names numbers of the question, and no question is given")
    final = ran[-1].value if ran else None
    decimals = len(want.written.partition(".")[2])
    right = final is not None and rounds_to(final, want.value, decimals)
    steps = [_by_answer(ran, index, right) for index in range(len(ran))]
    extracted = show(final) if final is not None else None
    return judged(right, "right" if right else "another answer", extracted=extracted, steps=tuple(steps))


def _by_answer(ran: Sequence[ProgramStep], index: int, right: bool) -> Step:
    """A program's step if only the answer is known, which does not tell which earlier step is wrong."""
    step, last = ran[index], index == len(ran) - 1
    if step.fault:
        return Step(step.start, step.end, "judged", 0.0, step.fault)
    if last:
        return Step(step.start, step.end, "judged", float(right), "right" if right else "another answer")
    if right and index in _used(ran):
        return Step(step.start, step.end, "judged", 1.0, "leads to the right answer")
    return Step(step.start, step.end, "abstained", None, "not used" if right else "the answer is wrong somewhere")


def _against_program(prediction: str, gold: str, numbers: Sequence[Fraction]) -> Verdict:
    """Compare both programs at two made-up points, where different ones differ; if that fails, at the question's."""
    points = [_point(gold, prediction, seed) for seed in (1, 2)]
    if any(step.fault for point in points for step in programs.run(gold, point)):
        points = [numbers]
    golds = [programs.run(gold, point) for point in points]
    if not golds[0] or any(step.fault for run in golds for step in run):
        return abstained("the gold program does not run")
    ran = [programs.run(prediction, point) for point in points]
    gold_values = {tuple(run[index].value for run in golds) for index in range(len(golds[0]))}
    want = tuple(run[-1].value for run in golds)
    values = [tuple(run[index].value for run in ran) for index in range(len(ran[0]))]
    right = bool(values) and values[-1] == want
    used = _used(ran[0])
    steps: list[Step] = []
    for index, step in enumerate(ran[0]):
        if step.fault:
            score, reason = 0.0, step.fault
        elif values[index] in gold_values or (right and index in used):
            score, reason = 1.0, "right"
        else:
            score, reason = 0.0, "the gold program does not compute this"
        steps.append(Step(step.start, step.end, "judged", score, reason))
    extracted = prediction[steps[-1].start : steps[-1].end] if steps else None
    return judged(right, "right" if right else "another program", extracted=extracted, steps=tuple(steps))


def _point(gold: str, prediction: str, seed: int) -> list[Fraction]:
    """Made-up numbers in place of a question's, as many as the gold program names."""
    names = [int(index) for index in re.findall(r"(?:number|n)(\d{1,4})", gold + prediction[:2000])]
    count = min(max(names, default=-1) + 1, 200)
    return [
        Fraction(7919 * seed + 104_729 * index * index + 31 * index, 2 * index + 2 * seed + 1) for index in range(count)
    ]


def _used(ran: Sequence[ProgramStep]) -> set[int]:
    """The steps that the last step depends on, including itself."""
    used: set[int] = set()
    waiting = [len(ran) - 1] if ran else []
    while waiting:
        index = waiting.pop()
        if index not in used:
            used.add(index)
            waiting += ran[index].uses
    return used
