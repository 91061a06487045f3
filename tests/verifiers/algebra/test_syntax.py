"""The grammar of expressions: what it reads, its conventions, and that it skips nothing."""

from fractions import Fraction

import pytest

from verifiers.algebra.exact import evaluate
from verifiers.algebra.syntax import Unsupported, parse
from verifiers.algebra.tree import symbols
from verifiers.answer.values import Unparsable


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("2^3^2", 512),
        ("-2^2", -4),
        ("2^-1", Fraction(1, 2)),
        ("2^10", 1024),
        (r"\frac12", Fraction(1, 2)),
        (r"\frac 1 2", Fraction(1, 2)),
        (r"\frac{12}5", Fraction(12, 5)),
        (r"2\frac{1}{2}", Fraction(5, 2)),
        (r"-2\frac12", Fraction(-5, 2)),
        (r"2\frac{3}{2}", 3),
        ("6/2(3)", 1),
        ("6/2*3", 9),
        ("8/4/2", 1),
        ("2(3)(4)", 24),
        ("|3-5||2|", 4),
        (r"\sqrt{49}", 7),
        (r"\sqrt[3]{27}", 3),
        ("sqrt(16)", 4),
        ("5!", 120),
        ("2^3!", 40320),
        (r"\binom{5}{2}", 10),
        (r"\lfloor 7/2 \rfloor + \lceil 7/2 \rceil", 7),
        (r"\max(2, 7) - \min(2, 7)", 5),
        (r"\gcd(12, 18)", 6),
        (r"\log_2 8", 3),
        (r"\log 100", 2),
        (r"1.5 \cdot 4 \div 3", 2),
        ("+-+3", -3),
    ],
)
def test_arithmetic_has_the_value_of_its_conventions(text, value):
    assert evaluate(parse(text)).exact == value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\sin 2x + 1", r"\sin(2x) + 1"),
        (r"\sin x \cos x", r"\sin(x) \cdot \cos(x)"),
        (r"\sin^2 x", r"(\sin x)^2"),
        (r"\sin^{-1} x", r"\arcsin x"),
        (r"\ln x^2", r"\ln(x^2)"),
        ("xy", "x*y"),
        ("sinx", r"\sin x"),
        ("x_{12}", "x_12"),
        (r"\frac a b", r"\frac{a}{b}"),
        ("x**2", "x^2"),
    ],
)
def test_two_spellings_have_one_tree(one, other):
    assert parse(one) == parse(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("f(x)", "fx"), ("y'", "y"), ("x_1", "x"), ("1/2x", "x/2"), (r"\frac{dy}{dx}", r"\frac{y}{x}"), ("I", "i")],
)
def test_what_means_something_else_has_another_tree(one, other):
    assert parse(one) != parse(other)


@pytest.mark.parametrize(
    "text",
    [
        "", "1 +", "* 2", "(1", "1)", "x3", "3 4", "1..2", r"\si n x", r"\si'n x", r"\foo", r"\sqrt", r"\frac{1}",
        r"\sin", r"\sin^x", "x_", "x_{}", "x @ y", '"x"', "5!!", "||x|", r"\lfloor x", r"\frac{d}{dx}", "a;b",
        "(" * 100 + "1" + ")" * 100,
    ],
)  # fmt: skip
def test_a_text_that_is_no_expression_to_its_last_character_does_not_parse(text):
    with pytest.raises(Unparsable):
        parse(text)


@pytest.mark.parametrize("text", [r"\sum_{k=1}^n k", r"\int x dx", r"\{1\}", "x = 1", r"\begin{pmatrix}1\end{pmatrix}"])
def test_what_the_grammar_leaves_out_is_said_to_be_unsupported(text):
    with pytest.raises(Unsupported):
        parse(text)


def test_long_sums_and_products_make_shallow_trees():
    assert evaluate(parse("+".join(["1"] * 2000))).exact == 2000
    assert evaluate(parse("*".join(["1"] * 2000))).exact == 1


def test_symbols_are_the_variables_and_the_applied_functions():
    assert symbols(parse(r"f(x) + \alpha y_1 - \pi e")) == {"f", "x", r"\alpha", "y_1"}
