"""Notations for one answer, end to end: gold, what the box holds, and the score; rules in `docs/verifiers_math.md`."""

import pytest

from verifiers.math import verify

REPEATING = [
    (r"\frac13", r"0.\overline{3}", 1), (r"\frac13", r"0.\bar{3}", 1), (r"\frac13", r"0.\dot{3}", 1),
    (r"\frac13", "0.333...", 1), (r"\frac13", r"0.333\ldots", 1), (r"\frac13", "0.333…", 1), (r"\frac13", "0.(3)", 1),
    (r"\frac13", "0.(6)", 0), ("0", "0.(3)", 0), (r"\frac16", "0.1(6)", 1), (r"\frac16", r"0.1\overline{6}", 1),
    (r"\frac16", "0.1666...", 1), (r"\frac16", "0.1333...", 0), (r"\frac17", r"0.\dot{1}4285\dot{7}", 1),
    (r"\frac17", r"0.\dot{1}4258\dot{7}", 0), (r"\frac{7}{11}", "0.636363...", 1), ("0.333", "0.333...", 0),
    ("0.3", "0.33...", 0), (r"\pi", "3.14159...", 0), ("0.6", "0.1(6)", 1),
]  # fmt: skip
FONTS = [
    (r"1 - \frac{1}{\mathrm{e}}", r"1 - \frac1e", 1), (r"1 - \frac{1}{\mathrm{e}}", r"1 + \frac1e", 0),
    (r"3+2\mathrm{i}", "3+2i", 1), (r"2\mathbf{i} - 3\mathbf{j}", r"2\mathbf{i}-3\mathbf{j}", 1),
    (r"2\mathbf{i} - 3\mathbf{j}", r"2\mathbf{i}+3\mathbf{j}", 0), (r"\operatorname{arctan} 2", r"\arctan 2", 1),
    (r"\mathrm{sin}\, 30^\circ", r"\frac12", 1), (r"5\,\mathrm{m}", r"5 \text{ meters}", 1),
    (r"5\,\mathrm{m}", r"5 \text{ seconds}", 0), (r"\mathbf{C}", "C", 1), (r"x\mathbf{y}", "xy", 1),
    (r"1+i\sqrt{3}", r"2\operatorname{cis}\frac{\pi}{3}", 1), (r"1+i\sqrt{3}", r"2\text{ cis }60^\circ", 1),
    (r"1+i\sqrt{3}", r"2\,\mathrm{cis}(30^\circ)", 0), (r"\cos\theta + i\sin\theta", r"\cis\theta", 1),
    ("(2, -1, 3)", r"2\mathbf{i}-\mathbf{j}+3\mathbf{k}", 1), ("(2, -1, 3)", r"2\mathbf{i}+\mathbf{j}+3\mathbf{k}", 0),
    ("(3, -4)", r"3\hat{\imath}-4\hat{\jmath}", 1),
    (r"(\sqrt2, 1-\sqrt3)", r"\sqrt{2}\mathbf{i}+(1-\sqrt 3)\mathbf{j}", 1),
    (r"\sqrt[3]{16}", "∛16", 1), (r"\sqrt[3]{16}", "√16", 0), (r"\sqrt[4]{8}", "∜8", 1),
]  # fmt: skip
BINOMIALS = [
    (r"\binom{5}{2}", r"{5 \choose 2}", 1), (r"\binom{5}{2}", r"\dbinom{5}{2}", 1), (r"\binom{5}{2}", "C(5,2)", 1),
    (r"\binom{5}{2}", "5C2", 1), (r"\binom{5}{2}", r"{}^5C_2", 1), (r"\binom{5}{2}", r"{}_5C_2", 1),
    (r"\binom{5}{2}", r"^{5}C_{2}", 1), (r"\binom{5}{2}", "10", 1), (r"\binom{5}{2}", "C(5,1)", 0),
    (r"\binom{5}{2}", "5C1", 0), (r"\binom{5}{2}", r"\frac{5!}{2!\,3!}", 1), (r"\binom{5}{2}", r"\frac{5!}{2!}", 0),
    ("(5, 2)", "C(5,2)", 0), ("5C", "5C", 1), ("C(x+1)", "Cx+C", 1), ("8C3_{16}", "8C3_{16}", 1),
    ("8C3_{16}", "56", 0),
]  # fmt: skip
SETS = [
    (r"(-\infty, 3)", r"\{x \mid x < 3\}", 1), (r"(-\infty, 3)", r"\{x \in \mathbb{R} : x < 3\}", 1),
    (r"(-\infty, 3)", r"\{x \in \mathbb{Z} : x < 3\}", 0), (r"(-\infty, 3)", r"\{x \mid x \le 3\}", 0),
    ("(-2, 5]", "]-2, 5]", 1), ("(-2, 5]", "]-2, 5[", 0), ("(-2, 5]", "[-2, 5]", 0),
    (r"(-\infty, 0) \cup [4, 9)", r"]-\infty, 0[ \cup [4, 9[", 1),
    (r"(-\infty, 0) \cup [4, 9)", r"]-\infty, 0] \cup [4, 9[", 0),
    (r"(-\infty, 2) \cup (2, \infty)", r"\mathbb{R} - \{2\}", 1),
    (r"(-\infty, 2) \cup (2, \infty)", r"\mathbb R \backslash \{2\}", 1),
    (r"(-\infty, 2) \cup (2, \infty)", r"\text{all real numbers except } 2", 1),
    (r"(-\infty, 2) \cup (2, \infty)", r"\text{all reals but } x = 2", 1),
    (r"(-\infty, 2) \cup (2, \infty)", "all real numbers except 3", 0),
    (r"(-\infty, 2) \cup (2, \infty)", "all real numbers", 0),
    (r"x \ne \pm 2", "all real numbers except 2 and -2", 1), (r"x \ne \pm 2", "all real numbers except 2", 0),
    (r"x \ne \pm 2", r"x \ne 2, -2", 1), (r"x \ne 2, x \ne -2", r"x \neq \pm 2", 1),
    (r"x \ne \pm 2", r"y \ne \pm 2", 0), ("(-4, 1)", r"x > -4 \text{ and } x < 1", 1),
    ("(-4, 1)", r"x > -4 \text{ and } y < 1", 0), ("(-4, 1)", r"x > -4 \text{ or } x < 1", 0),
    (r"[-4, \infty)", r"x > -4 \text{ and } x \ge -4", 0), (r"\{-1, 0, 1\}", r"\{0, \pm 1\}", 1),
]  # fmt: skip
UNITS = [
    (r"60 \text{ mph}", r"60 \text{ miles per hour}", 1), (r"60 \text{ mph}", r"60 \text{ mi/h}", 1),
    (r"60 \text{ mph}", r"60 \text{ km/h}", 0), (r"60 \text{ km/h}", r"60 \text{ kilometers per hour}", 1),
    (r"60 \text{ km/h}", r"60 \text{ kmh}", 1), (r"60 \text{ km/h}", r"60 \text{ km}", 0),
    (r"5 \text{ m/s}", r"5 \text{ meters per second}", 1), (r"5 \text{ m/s}", r"5 \text{ meters per minute}", 0),
    (r"5 \text{ m/s}", "5", 1), (r"5 \text{ m/s}", r"5\,\text{m}\,\text{s}^{-1}", 1),
    (r"5 \text{ m/s}^2", r"5\,\mathrm{m\,s^{-2}}", 1), (r"5 \text{ m/s}^2", r"5\,\mathrm{m\,s^{-1}}", 0),
    (r"5 \text{ m/s}", r"5\,\mathrm{m}\cdot\mathrm{s}^{-1}", 1), (r"5 \text{ m/s}", "5 m s^-1", 1),
    ("1500000", "15 lakh", 1), ("15", "15 lakh", 0), ("12.50", r"12 \text{ euros and } 50 \text{ cents}", 1),
    ("120000", r"1.2\times 10^5 J", 1), ("3:00", "3 o'clock", 1), ("3", "3 o'clock", 1), ("4", "3 o'clock", 0),
    ("2:3", "2 to 3", 1), ("2/3", "2 to 3", 1), ("[2, 3]", "2 to 3", 1), ("(2, 3)", "2 to 3", 0), ("2", "2 to 3", 0),
    ("125", "5 to the power of 3", 1), (r"5 \text{ m/s}", r"5 \frac{\text{m}}{\text{s}}", 1),
    (r"5 \text{ m/s}", r"5 \frac{\text{m}}{\text{min}}", 0), (r"5 \text{ cm}^2", r"5\,\text{cm^2}", 1),
    (r"5 \text{ cm}^2", r"5\,\text{cm^3}", 0), ("5", r"5 \text{ N}\cdot\text{m}", 1), (r"\frac13", r"33.33\%", 1),
    (r"\frac13", r"33.34\%", 0), (r"\frac37", r"\frac{m}{n} = \frac{3}{7}", 1), ("0.6", r"\frac35, \text{ or } 0.6", 1),
    ("0.6", r"\frac35, \text{ or } 0.7", 0), ("5", "= 5", 1), (r"\frac38", "3 out of 8", 1), ("3", "3 out of 8", 0),
]  # fmt: skip
BASES = [
    ("1011_2", "(1011)_2", 1), ("1011_2", r"1011_{\text{two}}", 1), ("1011_2", r"1011 \text{ (base 2)}", 1),
    ("1011_2", "1011 base 2", 1), ("1011_2", r"1011 \text{ in base three}", 0), (r"\text{2A}_{16}", "2A_{16}", 1),
    ("1011_2", "1011", 0), ("1011_2", "11", 0), ("1011_2", "1011 in base 2", 1), ("1011", "1011 in base 2", 1),
    ("11", "1011 in base 2", 0), ("1011", "1011_2", 0), ("52_8", "52 in octal", 1), ("1011_2", "1011 in binary.", 1),
    (r"\angle ABC", r"\angle{ABC}", 1), (r"\angle ABC", r"\angle ACB", 0), (r"\triangle ABC", r"\angle ABC", 0),
]  # fmt: skip
CONGRUENCES = [
    (r"x \equiv 5 \pmod{12}", "x ≡ 5 (mod 12)", 1), (r"x \equiv 5 \pmod{12}", r"x \equiv 17 \pmod{12}", 1),
    (r"x \equiv 5 \pmod{12}", r"x \equiv 5 \bmod 12", 1), (r"x \equiv 5 \pmod{12}", r"5 \pmod{12}", 1),
    (r"x \equiv 5 \pmod{12}", r"x \equiv 7 \pmod{12}", 0), (r"x \equiv 5 \pmod{12}", r"x \equiv 5 \pmod{6}", 0),
    (r"x \equiv 5 \pmod{12}", "5", 0), ("2", r"17 \bmod 5", 1), ("2", r"17 \bmod 6", 0), ("2", r"17 \mod 5", 1),
    ("17", r"17 \bmod 5", 0), (r"x \equiv 1, 2 \pmod 5", r"x \equiv 2, 1 \text{ (mod 5)}", 1),
    (r"x \equiv 1, 2 \pmod 5", r"x \equiv 1 \pmod 5", 0),
]  # fmt: skip
PIECEWISE = [
    (
        r"\begin{cases} 2x & \text{if } x \ge 1 \\ x+1 & \text{if } x < 1 \end{cases}",
        r"f(x) = \begin{cases} 1+x, & x < 1 \\ 2x, & x \geq 1 \end{cases}", 1,
    ),
    (
        r"f(x) = \begin{cases} 2x & x \ge 1 \\ x+1 & x < 1 \end{cases}",
        r"\begin{cases} x+1, & x \le 1 \\ 2x, & x > 1 \end{cases}", 0,
    ),
    (
        r"f(x) = \begin{cases} 2x & x \ge 1 \\ x+1 & x < 1 \end{cases}",
        r"g(x) = \begin{cases} 2x & x \ge 1 \\ x+1 & x < 1 \end{cases}", 0,
    ),
    (r"\begin{cases} x = 1 \\ y = 2 \end{cases}", "(1, 2)", 1),
    (r"\begin{cases} x = 1 \\ y = 2 \end{cases}", "(2, 1)", 0),
]  # fmt: skip
NAMES = [
    ("(x, y) = (1, 2)", "y = 2, x = 1", 1), ("(x, y) = (1, 2)", "y = 1, x = 2", 0), ("(1, 2)", "y = 1, x = 2", 0),
    ("(1, 2)", "y = 2, x = 1", 1), ("-3, 4", "x_1 = 4, x_2 = -3", 1), ("x_1 = -3, x_2 = 4", "x_1 = 4, x_2 = -3", 0),
    (r"\text{infinitely many}", r"\text{infinitely many solutions}", 1), ("1, 2, \\ldots, n", "1, 3, \\ldots, n", 0),
    ("1, 2, \\ldots, n", "1, 2, \\dots, n", 1),
]  # fmt: skip
CONDITIONS = [
    (r"k\pi, k \in \mathbb{Z}", r"k\pi \text{ where } k \in \mathbb{Z}", 1), (r"k\pi, k \in \mathbb{Z}", r"k\pi", 1),
    (r"k\pi, k \in \mathbb{Z}", r"2k\pi, k \in \mathbb{Z}", 0),
    (r"k\pi, k \in \mathbb{Z}", r"k\pi, k \in \mathbb{N}", 0),
]  # fmt: skip
POWERS = [
    ("10^{10^{10}}", "10^{10^{11}}", 0), ("10^{10^{10}}", "10^{10^{10}}", 1), ("2^{3^{100}}", "2^{3^{101}}", 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("gold", "answer", "score"),
    [*REPEATING, *FONTS, *BINOMIALS, *SETS, *UNITS, *BASES, *CONGRUENCES, *PIECEWISE, *NAMES, *POWERS, *CONDITIONS],
)
def test_one_answer_in_many_notations(gold, answer, score):
    assert verify(rf"\boxed{{{answer}}}", gold).score == score


@pytest.mark.parametrize("gold", sorted({row[0] for row in [*SETS, *BASES, *CONGRUENCES, *PIECEWISE, *POWERS]}))
def test_a_gold_equals_itself(gold):
    assert verify(rf"\boxed{{{gold}}}", gold).score == 1.0
