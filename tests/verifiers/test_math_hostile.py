"""Hostile answers: none hangs the caller, breaks a worker, or is judged equal to 3."""

import functools
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.work import assert_little_work
from verifiers import math
from verifiers.runtime.verifier import Verifier
from verifiers.verdict import Verdict

DEADLINE = 0.5


@functools.cache
def families():
    """Family name → texts whose value is not 3, or that have none."""
    ns = (9, 99, 10**3, 10**6, 10**9, 10**12)
    controls = [chr(n) for n in range(0x110000) if unicodedata.category(chr(n)) in ("Cc", "Cf", "Cs")]
    return {
        "power towers": [
            *(rf"{base}^{{{base}^{{{base}^{{{n}}}}}}}" for base in (2, 5, 9, 10) for n in ns),
            r"\dfrac{5^{(5^{(5^{(5^5)})}-4)}-5}{16}",
            r"10^{10^{10}}",
            "9**9**9**9",
            "9^9^9^9^9",
            *(f"(((7^{n})^{n})^{n})" for n in ns),
            "^".join("9" * 60),
            r"10^{-10^{10}}",
        ],
        "factorials": [
            *(f"{n}!" for n in ns),
            *(f"({n}!)!" for n in ns),
            *(rf"\frac{{{n}!}}{{({n}-1)!}}" for n in ns),
            *(rf"\binom{{{n}}}{{{n // 2}}}" for n in ns),
            "9" + "!" * 50,
            r"\Gamma(10^{9})",
        ],
        "sums and integrals": [
            *(rf"\sum_{{k=1}}^{{{n}}} k^{{{n}}}" for n in ns),
            *(rf"\prod_{{k=1}}^{{{n}}} k" for n in ns),
            *(rf"\sum_{{k=1}}^{{\infty}} \frac{{\sin(k^{{{n}}})}}{{k}}" for n in ns),
            r"\int_0^{10^9} \sin(x^x) dx",
            r"\int e^{x^{x}} \sin(x^{7}) dx",
            r"\lim_{x \to 0} \frac{\sin(\sin(\sin(\sin x))) - x}{x^{31}}",
            r"\sum_{i=1}^{10^6}\sum_{j=1}^{10^6}\sum_{k=1}^{10^6} ijk",
        ],
        "nesting": [
            *(opening * n + "1" + closing * n for n in (50, 1000, 100_000) for opening, closing in BRACKETS),
            *(opening * n for n in (1, 1000, 100_000) for opening, _ in BRACKETS),
            *(closing * n for n in (1, 1000, 100_000) for _, closing in BRACKETS),
            r"\frac{1}{" * 500 + "2" + "}" * 500,
            r"\sqrt{" * 300 + "2" + "}" * 300,
            r"\boxed{" * 1000 + "1" + "}" * 1000,
        ],
        "length": [
            "7" * 10_000_000,
            "1+" * 5_000_000 + "1",
            " " * 10_000_000,
            "a" * 10_000_000,
            "1," * 1_000_000 + "1",
            "$" * 1_000_000,
            "\\" * 1_000_000,
            r"\boxed{" + "x+" * 1_000_000 + "1}",
            "the answer is " * 100_000,
            "####" * 100_000,
            "7" * 5000,
            "0." + "7" * 5000,
            "1e" + "9" * 300,
            "1e999999999",
            "+".join(f"x^{{{n}}}" for n in range(300)),
            "(x+y+z)^{500}",
            "-" * 100_000 + "1",
            "answer" * 10_000,
            "answer: " * 10_000,
            "<answer>" * 10_000,
            r"\text{" * 10_000,
            "[" + "1, " * 30_000,
        ],
        "control characters": [
            *controls,
            *(f"1{character}" for character in controls),
        ],
        "right to left": [
            "\u202e31", "\u202e3", "٣", "۳", "३", "３", "שלוש", "ثلاثة", "\u2067 3\u2069", "5\u200f2", "\u061c3",
            "三", "Ⅲ", "③",
        ],
        "not numbers": [
            "nan", "NaN", "-nan", "inf", "-inf", "Infinity", r"\infty", r"-\infty", "1/0", "0/0", r"\frac{1}{0}",
            r"\frac{0}{0}",
            r"\infty-\infty", r"0\cdot\infty", r"\infty/\infty", r"\log 0", r"\tan(\frac{\pi}{2})", "None",
            "null", "undefined",
            "True", "3=3=4", "0^{-1}", r"\sqrt{-1}", "1e400", "[]", "{}", "()", r"\{\}", r"\emptyset",
        ],
        "near three": [
            "3.0000001", "2.9999999", "3!", "-3", "3%", "3x", "3, 3", "(3, 3)", "33", "0.3", "3.3", "3^3", "3/3",
            "3_4", "03:00",
            "3 or 4", "3 million", "3 thirds", r"3\pi", r"3^{\circ}C + 1", "x3", "3a", "3i", "3e", "3e3",
            "[3, 3]", "(3, 4]",
            r"\{3, 4\}", r"\pm 3", "x > 3", "x \\ne 3", "3 < x", "f(3)", "|x| = -3", "3;4", "3 4", "thirteen", "III",
            "0x3f", "3.3.3",
        ],
        "code": [
            "__import__('os').system('true')", "exec('x=4')", "eval('1+1')", "lambda: 4", "Symbol('x')",
            "().__class__.__bases__",
            "print(4)", "exit()", "raise SystemExit", "import os", "1 if 1 else 0", "factorial(10**9)",
            "range(10**9)",
            "[0]*10**10", "'a'*10**10", "Integer(4)", "sympy.oo", "S(4)", "open('/dev/zero').read()", "while 1: pass",
        ],
        "broken LaTeX": [
            r"\frac", r"\frac{", r"\frac{4", r"\frac{4}{", r"\sqrt[", r"\sqrt[4]{", r"\left(", r"\right)",
            r"\begin{pmatrix}", r"\end{pmatrix}",
            r"\begin{pmatrix}" * 200, r"\begin{matrix}4&\end{matrix}", r"\left\left\left", r"{{{{", "}}}}",
            "^^^^", "____", "&&&&", r"\\\\\\",
            r"\text{", r"\text{}", r"\text{\text{\text{", r"\boxed", r"\boxed{", r"\boxed{}", r"\boxed{\boxed{",
            r"$\boxed{4", "4}", r"\def\a{\a\a}\a",
            r"\newcommand{\x}{\x\x}\x", r"\input{/etc/hosts}", r"\overline", r"\sum_", r"\int_0", r"\lim_{x}",
            r"\log_", r"\binom{4}", r"|4", "||4|",
        ],
    }  # fmt: skip


BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"), (r"\{", r"\}"), (r"\left(", r"\right)"), ("|", "|"))


def inputs():
    """Every text of the families with its family, bare; those of most families in a box too."""
    for family, texts in families().items():
        for text in texts:
            yield family, text
    for family in (
        "power towers",
        "factorials",
        "sums and integrals",
        "not numbers",
        "near three",
        "code",
        "broken LaTeX",
    ):
        for text in families()[family]:
            yield f"{family}, boxed", rf"So it is $\boxed{{{text}}}$."


def check(rows):
    """Judge rows in the pool: none is equal, and none breaks a worker; those that outlast the deadline are failed."""
    verdicts = Verifier("math", deadline=DEADLINE)(rows)
    for row, verdict in zip(rows, verdicts, strict=True):
        shown = {key: value[:100] for key, value in row.items()}
        assert verdict.score != 1.0, shown
        if verdict.status == "failed":
            assert "no verdict within" in verdict.reason or "TooLarge" in verdict.reason, (shown, verdict)


def decided(prediction, gold):
    """The verdict, which must need no algebra."""
    outcome = math.fast(prediction, gold)
    assert isinstance(outcome, Verdict)
    return outcome


def sample(every):
    return [text for number, (_, text) in enumerate(inputs()) if number % every == 0]


def test_there_are_more_than_500_hostile_inputs():
    assert len(list(inputs())) > 500


def test_a_share_of_hostile_answers_is_never_equal_to_three():
    texts = sample(37)
    check([{"prediction": text, "gold": "3"} for text in texts])
    check([{"prediction": "3", "gold": text} for text in texts])


def test_the_part_that_runs_in_the_caller_and_that_no_deadline_bounds_does_little_work_on_hostile_text():
    for _, text in inputs():
        assert_little_work(lambda text=text: math.fast(text, "3"))
        assert_little_work(lambda text=text: math.fast("3", text))


@pytest.mark.parametrize(
    "tower",
    [
        r"10^{10^{10}}",
        "9^9^9^9^9",
        r"\dfrac{5^{(5^{(5^{(5^5)})}-4)}-5}{16}",
        r"10^{-10^{10}}",
        "(10^9)!",
        r"\binom{10^9}{5^9}",
    ],
)
def test_a_power_tower_is_wrong_and_not_failed_where_bounds_decide(tower):
    for gold in ("3", "-3", r"\sqrt{3}", "1/7", "0"):
        assert decided(rf"\boxed{{{tower}}}", gold).score == 0.0
        assert decided(rf"\boxed{{{gold}}}", tower).score == 0.0
    assert decided(rf"\boxed{{{tower}}}", tower).score == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("family", list(families()))
def test_no_hostile_answer_of_a_family_is_equal_to_three(family):
    texts = [text for name, text in inputs() if name.startswith(family)]
    check([{"prediction": text, "gold": "3"} for text in texts])
    check([{"prediction": "3", "gold": text} for text in texts])


SOUP = (
    r"\frac \sqrt \boxed{ \text{ { } ( ) [ ] | $ $$ \[ \] \left( \right) ^ _ , ; : = < > \le \pm \cup - + * / ! % . "
    r"0 1 7 x y \pi \infty \sin \log_ \sum_{k=1}^{9} \begin{pmatrix} \end{pmatrix} & \\ "
    "answer is #### <answer> </think> cm and or"
)
PIECES = st.sampled_from(SOUP.split())


@given(st.lists(st.one_of(PIECES, st.characters(exclude_characters="3³③３")), max_size=25))
@settings(max_examples=400, deadline=None)
def test_no_soup_of_pieces_breaks_the_part_that_runs_in_the_caller(pieces):
    for joint in ("", " "):
        text = joint.join(pieces)
        for outcome in (math.fast(text, "3"), math.fast("3", text)):
            assert isinstance(outcome, tuple) or outcome.status in ("judged", "abstained")


@given(st.lists(st.lists(PIECES, max_size=12).map(" ".join), min_size=20, max_size=20))
@settings(max_examples=5, deadline=None)
def test_no_soup_of_pieces_breaks_the_algebra(texts):
    for verdict in Verifier("math", deadline=DEADLINE)(
        [{"prediction": rf"\boxed{{{text}}}", "gold": "x+1"} for text in texts]
    ):
        assert verdict.status in ("judged", "abstained") or "no verdict within" in verdict.reason, verdict
