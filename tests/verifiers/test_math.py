"""The math verifier: what is equal, what is not, and what cannot be said."""

import pytest

from verifiers import math
from verifiers.runtime.verifier import Verifier


@pytest.fixture(scope="module")
def verifier():
    return Verifier("math", deadline=10)  # what is judged here is not the speed of a busy machine


EQUAL = [
    # numbers
    ("1000", "1 000"), ("1234", "1,234"), ("1000.99", "1000,99"), ("0,25", "0.25"), ("0.4", ".4"), ("5", "5.0"),
    ("5", "05"),
    ("-3", "–3"), ("+3", "3"), ("0", "-0"), ("1e3", "1000"), (r"1.5\times 10^{3}", "1500"), ("0.001", "10^{-3}"),
    ("100000", "1e5"),
    ("5000000", "5 million"), ("14916", r"14{,}916"), ("32349", r"32,\! 349"), (r"0.\overline{3}", "1/3"),
    # fractions and mixed numbers
    (r"\frac{1}{2}", "1/2"), (r"\frac12", "0.5"), (r"\dfrac{3}{4}", r"\tfrac34"), (r"2\frac{1}{2}", "5/2"),
    ("2 1/2", "2.5"),
    (r"-2\frac12", "-2.5"), (r"-\frac{1}{2}", r"\frac{-1}{2}"), (r"-\frac{1}{2}", r"\frac{1}{-2}"),
    # tolerance
    (r"\frac{1}{12}", "0.0833333333333"), ("8/3", "2.6667"), (r"\sqrt{2}", "1.41421356"),
    (r"(\frac{3}{5},\frac{8}{3}]", "(0.6,2.6667]"),
    # percent, money, units
    (r"28\%", "28 percent"), (r"$28\%$", "$28$ pct"), (r"50\%", "0.5"), (r"\frac{3}{4}", "75%"), ("18", r"\$18"),
    ("$18", "18 dollars"),
    ("1000.99", "1,000.99€"), ("$0.50", "50 cents"), (r"90^\circ", "90"), ("90°", "90 degrees"), ("15",
    r"15\mbox{ cm}^2"),
    (r"6\text{ cm}^2", "6 square centimeters"), ("3 hours", "180 minutes"), ("12 days", "12 more days"),
    (r"5\text{ m/s}", "5 m/s"),
    # assignments, equations, inequalities
    ("5", "x = 5"), ("x=5", "5"), ("x = 11", "x = 5+5+1 = 11"), ("k=45,n=2", "n=2, k=45"), ("k=45,n=2",
    "(45, 2)"), ("(2,3)", "x=2, y=3"),
    ("y=2x+1", "2x-y+1=0"), ("x^2+y^2=4", "2x^2+2y^2=8"), ("x > 5", "5 < x"), ("x < 1", "-x > -1"), (r"x \ne 3",
    "x != 3"),
    ("f(x)=x^2", "x^2"), ("-1", r"e^{i\pi} = -1"), ("p=5,q=2;p=7,q=2", "(5,2),(7,2)"),
    # intervals, sets, lists, tuples
    ("x>5", r"(5,\infty)"), ("1<x<2", "(1,2)"), (r"(-\infty,3)\cup(5,\infty)", r"x<3 \text{ or } x>5"),
    (r"[1,3]", r"[1,2]\cup[2,3]"),
    (r"1\leq|z|\leq 2", r"z \in [-2,-1] \cup [1,2]"), (r"\{1,2\}", r"\{2,1\}"), ("1,2", "2,1"), ("(1,2)", "1, 2"),
    (r"\{1,1,2\}", r"\{1,2\}"),
    (r"\pm 3", "3,-3"), (r"1 \pm \sqrt{2}", r"\{1-\sqrt{2}, 1+\sqrt{2}\}"), (r"x=\pm 3", "x = 3, x = -3"),
    ("2 and 3", "2, 3"),
    ("(0;0),(1;2)", "(1,2), (0,0)"), (r"\emptyset", r"\{\}"), ("(1, \\frac92)", "(1, 4.5)"),
    # ratios, times, bases
    ("1:2", "2:4"), ("3:4", r"\frac{3}{4}"), ("12:30", "12:30"), ("204_5", "204_{5}"),
    ("7:15", r"7:15\text{ a.m.}"), ("03:00", "3:00"),
    # matrices
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{bmatrix}1&2\\3&\frac{8}{2}\end{bmatrix}"),
    (r"\begin{pmatrix}6 & 8\end{pmatrix}", r"\begin{pmatrix}1 & 2\end{pmatrix} + \begin{pmatrix}5 & 6\end{pmatrix}"),
    # expressions
    ("(x+1)^2", "x^2+2x+1"), ("x+y", "y+x"), ("xy", "yx"), (r"2\sqrt{3}", r"\sqrt{12}"), (r"\frac{\sqrt{2}}{2}",
    r"\frac{1}{\sqrt{2}}"),
    (r"\tan^2(y)+1", r"\sec^2(y)"), ("1024", "2^10"), ("120", "5!"), (r"\binom{5}{2}", "10"), ("2+3i", "3i+2"),
    (r"\sqrt{x^2}", "|x|"),
    (r"\frac{1}{x}+\frac{1}{y}", r"\frac{x+y}{xy}"), (r"\cos 60^\circ", r"\frac12"), ("i^2", "-1"),
    (r"\gcd(12,18)", "6"),
    (r"\sum_{k=1}^{10} k", "55"), (r"\int_0^1 x^2 \, dx", r"\frac13"), (r"\lfloor 3.7 \rfloor", "3"),
    ("sqrt(2)", r"\sqrt2"), ("x**2", "x^2"), (r"\frac{x^2-1}{x-1}", "x+1"), ("2^{100}",
    "1267650600228229401496703205376"),
    # words
    (r"\text{No solution}", "no solution"), (r"\text{Evelyn}", "Evelyn"), (r"\text{east}", "East"),
    (r"\text{(A)}", "A"), ("C", "(C)"), (r"\text{e}", "e"),
]  # fmt: skip

DIFFERENT = [
    # numbers
    ("12345", "1,23,45"), ("1,234", "(1, 234)"), ("(1,234)", "1234"), ("1,234", "1, 234"), ("1,000", "1"), ("12",
    "1,2"), ("12", "1 2"),
    ("5", "-5"), ("12345678901234567890", "12345678901234567891"), ("5 million", "5"), ("3", "3 hundred"),
    ("2", "AZYUK2A"),
    ("2^{100}", "1267650600228229401496703205377"), ("2^10", "20"), ("1e-7", "2e-7"), ("0", "1e-9"), ("3",
    "3 thirds"), ("3", "thirteen"),
    # fractions and mixed numbers
    ("2 1/2", "21/2"), (r"2\frac{1}{2}", "1"), (r"-2\frac12", "-1.5"), ("1/2", "2/1"), ("3/12", "4"),
    # tolerance
    ("5", "5.1"), ("1/3", "0.33"), (r"\pi", "3.14"), (r"\sqrt{2}", "1.4"), ("3", "3.0000001"), ("1",
    "0.999999999"), ("3.14159", "3.14"),
    ("1234567.89", "1234567.88"), ("1000000.5", "1000000.6"), (r"e^{\pi\sqrt{163}}", "262537412640768744"),
    (r"\frac{22}{7}", r"\pi"),
    # percent, money, units
    ("50%", "50"), ("50", "50%"), ("0.5", "0.5%"), ("$5", "€5"), ("$18", "$18.50"), ("5 cm", "5 m"), ("5 kg", "5 km"),
    ("5 apples", "5 oranges"), (r"6 \text{ cm}^2", "6 cm"), (r"5\text{ m/s}", r"5\text{ m}"), (r"\frac{\pi}{2}",
    "90"),
    # assignments, equations, inequalities
    ("x=5", "y=5"), ("5", "x+1=5"), ("x+1=5", "5"), ("k=45,n=2", "(2,45)"), ("k=45,n=2", "k=2,n=45"), ("(2,3)",
    "x=3, y=2"),
    ("x^2+y^2=4", "x^2+y^2=2"), ("x>5", "x<5"), ("x>5", r"x \ge 5"), ("x>5", "y>5"), (r"x \neq 3", "x = 3"),
    ("a+3z=0", "0"),
    # intervals, sets, lists, tuples
    ("(1,2)", "[1,2]"), ("[1,2)", "(1,2]"), ("(1,2)", r"\{1,2\}"), (r"\{1,2\}", "(1,2)"), ("(1,2)", "(2,1)"),
    ("1<x<2", "[1,2]"),
    ("[1,2]", "1,2"), ("1,1,2", "1,2,2"), ("1,2,3", "1,2"), ("(1,2,3)", "(3,2,1)"), (r"\pm 3", "3"), ("3", r"\pm 3"),
    (r"(-\infty,3)\cup(5,\infty)", r"(-\infty,3]\cup(5,\infty)"), (r"\emptyset", "0"), (r"\infty", r"-\infty"),
    ("32349", "32, 349"),
    # ratios, times, bases
    ("1:2", "2:1"), ("12:00", "1:00"), ("10:30", "10:3"), ("12:05", "12:5"), (r"7:15\text{ a.m.}",
    r"7:15\text{ p.m.}"), ("204_5", "204"), ("204_5", "204_6"), ("204_5", "54"),
    # matrices
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&3\\2&4\end{pmatrix}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}"),
    # expressions
    ("x-y", "y-x"), ("x", "y"), ("a", "A"), ("x^2", "x"), ("3x", "3"), ("3", "3x"), ("(a+5)(b+2)", "(+5)(b+2)"),
    ("2", r"\frac{1+\sqrt5}{2}"),
    ("2+3i", "2-3i"), ("|x|", "x"), (r"\sin x", r"\cos x"), ("x^2+C", "x^2"), ("n!", "n"), (r"\frac{a}{b}",
    r"\frac{b}{a}"), ("xy", "x+y"),
    # words
    (r"\text{Evelyn}", "Evelin"), ("A", "B"), (r"\text{yes}", "no"), (r"\text{no}", "on"), (r"\cos 60",
    r"\cos 60^\circ"),
]  # fmt: skip

UNPARSABLE = [
    "forty two", "The answer is seven.", "(", "}", "((1)", r"\frac{1}{", r"\frac{}{2}", r"\sqrt", r"\sqrt{}", "-",
    "!", "!5", "^", "_", "@", "#", "$", "%",
    r"x\%", r"\%50", "()", r"\int", r"\sin^x", r"\lfloor x", "||y|", r"\frac{d}{dx}", "", "   ", "1 +",
    r"\{1, 2; 3\}", "no idea at all",
    r"\frac{(1 + x}{2)}", "\x00", "\ud800", "see the figure on page 3",
]  # fmt: skip


def test_equal_values_are_equal_however_they_are_written(verifier):
    rows = [{"gold": gold, "prediction": rf"Hence $\boxed{{{answer}}}$."} for gold, answer in EQUAL]
    wrong = [(row, verdict) for row, verdict in zip(rows, verifier(rows), strict=True) if verdict.score != 1.0]
    assert not wrong


def test_equality_does_not_depend_on_the_box(verifier):
    rows = [{"gold": gold, "prediction": answer} for gold, answer in EQUAL]
    wrong = [(row, verdict) for row, verdict in zip(rows, verifier(rows), strict=True) if verdict.score != 1.0]
    assert not wrong


def test_different_values_are_never_equal(verifier):
    for shape in ("{}", r"\boxed{{{}}}", "The answer is {}."):
        rows = [{"gold": gold, "prediction": shape.format(answer)} for gold, answer in DIFFERENT]
        equal = [(row, verdict) for row, verdict in zip(rows, verifier(rows), strict=True) if verdict.score != 0.0]
        assert not equal


def test_a_gold_that_does_not_parse_abstains_whatever_is_predicted(verifier):
    for prediction in (None, "3", "x+1", ""):
        rows = [{"gold": gold, "prediction": gold if prediction is None else prediction} for gold in UNPARSABLE]
        said = [
            (row, verdict) for row, verdict in zip(rows, verifier(rows), strict=True) if verdict.status != "abstained"
        ]
        assert not said


def test_every_gold_accepts_itself(verifier):
    golds = [
        gold
        for pair in EQUAL + DIFFERENT
        for gold in pair
        if gold not in ("1,23,45", "1 2", "AZYUK2A", "3 thirds", "thirteen")
    ]
    rows = [{"gold": gold, "prediction": rf"\boxed{{{gold}}}"} for gold in golds]
    refused = [(row, verdict) for row, verdict in zip(rows, verifier(rows), strict=True) if verdict.score != 1.0]
    assert not refused


def test_no_answer_is_wrong_and_says_so(verifier):
    (verdict,) = verifier([{"prediction": "I do not know.", "gold": "4"}])
    assert (verdict.status, verdict.score, verdict.reason, verdict.extracted) == (
        "judged",
        0.0,
        "no answer found",
        None,
    )


def test_the_verdict_shows_what_was_found_as_it_was_written(verifier):
    rows = [{"prediction": r"\boxed{\dfrac12}", "gold": "1/2"}, {"prediction": r"\boxed{x + 1}", "gold": "1+x"}]
    assert [verdict.extracted for verdict in verifier(rows)] == [r"\dfrac12", "x + 1"]


def test_strict_takes_no_answer_from_the_last_number():
    row = {"prediction": "That makes 4", "gold": "4"}
    assert Verifier("math")([row])[0].score == 1.0
    assert Verifier("math", strict=True)([row])[0].score == 0.0
    assert Verifier("math", strict=True)([{**row, "prediction": r"\boxed{4}"}])[0].score == 1.0


def test_percent_may_be_optional():
    rows = [
        {"prediction": "20%", "gold": "20"},
        {"prediction": "20", "gold": "20%"},
        {"prediction": "21%", "gold": "20"},
    ]
    assert [verdict.score for verdict in Verifier("math", percent="optional")(rows)] == [1.0, 1.0, 0.0]


def test_digits_say_when_a_rounded_decimal_stands_for_its_value():
    row = {"prediction": "0.667", "gold": "2/3"}
    assert Verifier("math")([row])[0].score == 0.0
    assert Verifier("math", digits=3)([row])[0].score == 1.0
    assert Verifier("math", digits=3)([{**row, "prediction": "0.666"}])[0].score == 0.0


def test_a_gold_may_be_a_number_or_a_whole_solution(verifier):
    rows = [
        {"prediction": "72", "gold": 72},
        {"prediction": "0.5", "gold": 0.5},
        {"prediction": "72", "gold": "48/2 = <<48/2=24>>24\n#### 72"},
        {"prediction": "10", "gold": r"Adding gives 4, then 6, so the sum is \boxed{10}."},
    ]
    assert [verdict.score for verdict in verifier(rows)] == [1.0] * 4


def test_a_wrong_kind_of_gold_fails_and_is_not_wrong(verifier):
    assert verifier([{"prediction": "1", "gold": {"answer": "1"}}])[0].status == "failed"


def test_a_wrong_option_is_refused_before_anything_is_judged():
    with pytest.raises(ValueError, match="percent is 'value' or 'optional'"):
        Verifier("math", percent="maybe")


def test_numbers_words_and_rational_functions_need_no_algebra():
    for prediction, gold in ((r"\boxed{5}", "5"), ("1/2", "0.5"), ("(1, 2)", "(1,3)"), ("Evelyn", r"\text{Evelyn}")):
        assert not isinstance(math.fast(prediction, gold), tuple)


def test_verify_alone_judges_without_a_pool():
    assert math.verify(r"\boxed{x(x+1)}", "x^2+x").score == 1.0
