"""Numbers too large to compute, against plain ones: decided by bounds, in the caller, without a deadline."""

import pytest

from verifiers.math import fast
from verifiers.verdict import Verdict

TOWERS = [
    "10^{10^{10}}", "9^{9^{9^{9}}}", "2^{2^{2^{2^{2^2}}}}", "(10^{10})!", "(3^{3^3})!", "-10^{10^{100}}",
    "10^{-10^{10}}", "1+10^{10^{10}}", r"\frac{1}{10^{10^{10}}}", r"\sqrt{10^{10^{10}}}", r"\binom{10^{10}}{10^9}",
    "e^{e^{e^{e}}}", "99999999999^{99999999}", "1.0000001^{10^{30}}", "0.5^{10^{12}}",
]  # fmt: skip


@pytest.mark.parametrize("gold", ["3", "0", "1", "10000000000", r"\frac12", "-7"])
@pytest.mark.parametrize("tower", TOWERS)
def test_no_tower_is_a_plain_number(tower, gold):
    verdict = fast(rf"\boxed{{{tower}}}", gold)
    assert isinstance(verdict, Verdict) and (verdict.status, verdict.score) == ("judged", 0.0)


@pytest.mark.parametrize(
    ("expression", "gold", "score"),
    [
        (r"\log(10^{10^{10}})", "10000000000", 1.0),
        (r"\log(10^{10^{10}})", "10", 0.0),
        (r"\ln(e^{10^{10}})", "3", 0.0),
        (r"\sin(10^{10^{10}})", "3", 0.0),
        (r"\lfloor 10^{-10^{10}} \rfloor", "0", 1.0),
        (r"\lceil 10^{-10^{10}} \rceil", "1", 1.0),
        (r"\lfloor -10^{-10^{10}} \rfloor", "-1", 1.0),
        ("10^{10^{10}} / 10^{10^{10}}", "1", 1.0),
        ("10^{10^{10}} - 10^{10^{10}}", "0", 1.0),
        ("(10^{10^{10}})^0", "1", 1.0),
        ("1^{10^{10^{10}}}", "1", 1.0),
    ],
)
def test_what_holds_a_tower_may_be_a_plain_number(expression, gold, score):
    verdict = fast(rf"\boxed{{{expression}}}", gold)
    assert isinstance(verdict, Verdict) and (verdict.status, verdict.score) == ("judged", score)
