"""Which structures are equal: gold, answer, and whether they are; each group of pairs holds one rule of the docs."""

import pytest

from verifiers.algebra.decide import decide
from verifiers.algebra.equality import same
from verifiers.algebra.symbolic import equal
from verifiers.answer.latex import clean
from verifiers.answer.structure import as_gold, parse

DIGITS = 4


def algebra(gold, answer, relation):
    verdict = None if relation else decide(gold, answer, digits=DIGITS)
    return equal(gold, answer, relation, digits=DIGITS) if verdict is None else verdict


def are_equal(gold, answer, percent="value"):
    return same(as_gold(parse(clean(gold))), parse(clean(answer)), algebra=algebra, digits=DIGITS, percent=percent)


NUMBERS = [
    ("3", "3.0", True), ("3", "4", False), ("1/3", "0.3333", True), ("1/3", "0.333", False), ("0.25", "25%", True),
    ("3", "-3", False), (r"\frac{1}{2}", "0.5", True), (r"\sqrt{4}", "2", True), ("2", r"\sqrt{4}", True),
    (r"\sqrt{2}", "1.414", True), (r"\sqrt{2}", "-1.414", False), (r"\sqrt{2}", "1.4141", False),
    (r"-\sqrt{2}", "-1.414", True), (r"\pi/4", "0.7854", True), (r"-\pi/40", "-0.07854", True),
    (r"\pi", "3.1416", True), (r"\pi", "31.416", False), (r"10\pi", "31.416", True),
    ("2^{10}", "1,024", True), ("-2^{3}", "-8", True), (r"\frac{1}{2}+\frac{1}{3}", r"\frac{5}{6}", True),
    (r"\frac{1}{2}-\frac{1}{3}", r"-\frac{1}{6}", False), (r"1-\frac{7}{6}", r"-\frac{1}{6}", True),
    (r"\frac{5}{4}+\frac{0}{1}", "125%", True), (r"\frac{5}{4}+\frac{0}{1}", "-125%", False),
    (r"-\frac{5}{4}-\frac{0}{1}", "-125%", True),
]  # fmt: skip
READINGS = [
    ("0.1", "0,1", True), ("0, 1", "0,1", True), ("0,1", "0.1", False), ("1,000", "1000", True),
    ("0,25", "0.25", True), ("0,25", "0, 25", True), ("0,25", "0.26", False), ("5 m", "5 meters", True),
    ("5 m", "5m", True), ("5 m", "6m", False), ("90 minutes", "1 hour 30 minutes", True),
    ("1 hour 30 minutes", "90", True), ("1 hour 30 minutes", "1.5", True), ("1 hour 30 minutes", "2", False),
]  # fmt: skip
UNITS = [
    (r"2x \text{ cm}", r"x+x \text{ cm}", True), (r"2x \text{ cm}", r"x+x \text{ kg}", False), (r"2x \text{ cm}", "x+x", True),
    (r"3\pi \text{ cm}", r"3\pi", True), (r"3\pi \text{ cm}", r"3\pi \text{ m}", False),
    (r"3\pi", r"3\pi \text{ m}", True), (r"\sqrt{9} \text{ cm}", r"3 \text{ cm}", True),
    (r"\sqrt{9} \text{ cm}", r"3 \text{ kg}", False), (r"3 \text{ cm}", r"\sqrt{9} \text{ kg}", False),
    ("60 mph", "60 miles per hour", True), ("60 mph", "60 km/h", False), ("60 km/h", "60 kph", True),
    ("60 m/s", "60 meters per second", True), ("60 m/s", "60 meters", False),
]  # fmt: skip
TIMES = [
    ("3:15 PM", "15:15", True), ("3:15 PM", "3:15", True), ("3:15 PM", "3:15 AM", False), ("3:15 PM", "3:16 PM", False),
    ("3:15", "3:15 PM", True), ("15:15", "3:15 PM", True), ("15:15", "3:15 AM", False), ("12:00 AM", "0:00", True),
    ("12:00 PM", "12:00", True), ("noon", "12:00 PM", True), ("midnight", "12:00 AM", True), ("noon", "midnight", False),
    ("3:00", "3 PM", True), ("3:15:20 PM", "3:15:20 PM", True), ("3:15:20 PM", "3:15:21 PM", False), ("12:30", "12:30", True),
    ("12:30", "2:5", False), ("12:30", "0:30", False), ("15:15", "3:15", False), ("3:15 PM", "3", False), ("3", "3 PM", False),
    ("24:30", "12:15", False), ("1:20", "2:40", False),
    ("12:00 PM", "0:00", False), ("0:20", "0:20", True), ("12:20 AM", "12:20", True), ("23:10", "11:10 PM", True),
    ("13:10", "1:10 PM", True), ("12:10", "12:10 AM", True), ("12:10 PM", "12:10 AM", False), ("1:10 AM", "13:10", False),
]  # fmt: skip
RATIOS = [
    ("3:4", "6:8", True), ("3:4", "4:3", False), ("3:4", "3/4", True), ("3:4", "0.75", True), ("3:4", "0.76", False),
    ("3/4", "3:4", True), ("3/4", "6:8", True), ("3/4", "4:3", False), ("1:2:3", "2:4:6", True), ("1:2:3", "1:2:4", False),
    ("1:2:3", "1:2", False), ("1:2", "1:2:3", False), ("1:2:3", "1/6", False), ("3:0", "3", False), ("3", "3:0", False),
    (r"\sqrt{2}:1", r"\sqrt{2}:1", True), (r"\sqrt{2}:1", r"\sqrt{3}:1", False), (r"\sqrt{2}:1", "2:1", False),
    ("3:4", r"3 \text{ cm}", False), ("3:4", r"0.75 \text{ cm}", False), ("3:4", "3, 4", False), ("3:4", "(3, 4)", False),
    ("3, 4", "3:4", False), ("1:12", "1/12", False), ("0:3", "0:5", False), ("2:3", r"\{2, 3\}", False),
    ("100:1", "100:1", True), ("100:200:300", "1:2:3", True), ("2:x", "2:x", True), ("2:x", "4:x", False), ("x", "2:x", False),
    ("1:61", "2:122", True), ("a:b", "b:a", False),
]  # fmt: skip
LISTS = [
    ("1, 2", "2, 1", True), ("1, 2", r"\{1, 2\}", True), (r"\{1, 2\}", "2, 1", True), ("1, 2", "1, 3", False),
    ("1, 2", "1, 2, 3", False), ("1, 2, 3", "1, 2", False), ("1, 1, 2", "1, 2, 2", False), ("1, 2", "(1, 2)", True),
    ("1, 2", "(2, 1)", False), ("1, 2", "[1, 2]", False), ("1, 2, 3", "[1, 2, 3]", True), ("1, 2, 3", "[3, 2, 1]", False),
    ("[1, 2, 3]", "1, 2, 3", True), ("[1, 2]", "1, 2", False), ("(1, 2)", "1, 2", True), ("(1, 2)", "2, 1", False), ("(1, 2)", r"\{1, 2\}", False),
    (r"\{1, 2\}", "(1, 2)", False), ("(1, 2)", "[1, 2]", False), ("[1, 2]", "[1, 2]", True), ("[1, 2)", "[1, 2)", True),
    ("[1, 2)", "(1, 2]", False), ("[1, 2)", "(1, 2)", False), ("[1, 2)", "1, 2", False), ("(1, 2]", r"\{1, 2\}", False),
    (r"\{5\}", "5", True), ("5", r"\{5\}", True), ("5", r"\{6\}", False), (r"\{5, 6\}", "5", False), ("5", r"\{5, 6\}", False),
    ("5", "5, 5", False), ("5, 6", "6", False), ("6", "5, 6", False), (r"\pm 3", "3, -3", True), (r"\pm 3", "3", False),
    ("3", r"\pm 3", False), (r"\{0, \pm 1\}", "-1, 0, 1", True), ("(1, 2), (3, 4)", "(3, 4), (1, 2)", True),
    ("(1, 2), (3, 4)", "(2, 1), (3, 4)", False), (r"\{(1, 2)\}", "(1, 2)", True), ("(1, 2)", r"\{(1, 2)\}", True),
    ("(1, 2)", r"\{(2, 1)\}", False), ("((1, 2), 3)", "(1, 2, 3)", False), (r"\frac{1}{3}, 2", "2, 0.3333", True),
    ("x, y", "y, x", True), ("1, 2, \\ldots, 9", "1, 2, \\dots, 9", True), ("1, 2, \\ldots, 9", "2, 1, \\ldots, 9", False),
    ("1, 2, \\ldots, 9", "1, 2, \\ldots, 8", False), ("1, 2, \\ldots, 9", "1, 2, 9", False),
]  # fmt: skip
NAMES = [
    ("x = 5", "5", True), ("5", "x = 5", True), ("x = 5", "y = 5", False), ("x = 5", "x = 6", False), ("5", "x = 6", False),
    ("x = 1, y = 2", "(1, 2)", True), ("x = 1, y = 2", "(2, 1)", False), ("(1, 2)", "x = 1, y = 2", True),
    ("(1, 2)", "y = 2, x = 1", True), ("(1, 2)", "y = 1, x = 2", False), ("(1, 2, 3)", "z = 3, x = 1, y = 2", True),
    ("(1, 2, 3)", "z = 1, x = 2, y = 3", False), ("(1, 2)", "m = 1, b = 2", True), ("(1, 2)", "m = 2, b = 1", False),
    ("x = 1, y = 2", "y = 2, x = 1", True), ("x = 1, y = 2", "x = 2, y = 1", False), ("x = 1, y = 2", "1, 2", True),
    ("x = 1, y = 2", "2, 1", False), ("x = 1, y = 2", "a = 1, b = 2", False), ("x = 1, y = 2", "x = 1", False),
    ("(x, y) = (1, 2)", "(1, 2)", True), ("(x, y) = (1, 2)", "x = 1, y = 2", True), ("(x, y) = (1, 2)", "y = 2, x = 1", True),
    ("(x, y) = (1, 2)", "y = 1, x = 2", False), ("(x, y) = (1, 2)", "x = 1, z = 2", False), ("(x, y) = (1, 2)", "(y, x) = (2, 1)", True),
    ("(x, y) = (1, 2)", "(x, y) = (2, 1)", False), ("x = 1, y = 2", "(y, x) = (1, 2)", False), ("1, 2", "x_1 = 2, x_2 = 1", True),
    (r"\{1, 2\}", "x_1 = 2, x_2 = 1", True), ("1, 2", "x_1 = 2, x_2 = 2", False), ("(1, 2)", "x_1 = 2, x_2 = 1", False),
    ("1, 2", "a_1 = 2, a_2 = 1", False), ("1, 2", "a_1 = 1, a_2 = 2", True), ("x = 1, 2", "1, 2", True), ("x = 1, x = 2", "2, 1", True),
    ("x = 1, x = 2", "x = 1", False), ("x = 1, 2", "y = 1, 2", False), ("(5, 2), (7, 2)", "p=5,q=2; p=7,q=2", True),
    ("p=5,q=2; p=7,q=2", "(5, 2), (7, 2)", True), ("(2, 5), (2, 7)", "p=5,q=2; p=7,q=2", False), ("x = 5", r"x \in \{5\}", True),
    ("x = 5", r"x \in \{5, 6\}", False), ("f(x) = x^2", "x^2", True), ("f(x) = x^2", "f(x) = x^3", False), ("f(x) = x^2", "f(y) = x^2", False),
    ("y = x^2", "x^2", True), ("x = y + 1", "y = x - 1", True), ("x = y + 1", "y = x + 1", False), ("y = x - 1", "x - y = 1", True),
    ("x - y = 1", "y = x - 1", True), ("x - y = 1", "y = x + 1", False), ("x - y = 1", "x = y - 1", False), ("a = b", "b = a", True),
    ("ab = c", "ab = c", True), ("v = at", "a = v", False), ("AB = x", "CD = x", False), ("AB = 5", "CD = 5", False),
    ("x = 2y", "y = 2x", False), ("x = 2y", r"y = \frac{x}{2}", True), ("xy", "yx", True), ("no", "on", False), ("xy", "xz", False),
    ("x = 5", r"\emptyset", False), (r"x \in \emptyset", r"\emptyset", True), (r"\emptyset", r"x \in \emptyset", True), (r"\emptyset", "x = 5", False),
]  # fmt: skip
INTERVALS = [
    ("x < 3", r"(-\infty, 3)", True), (r"(-\infty, 3)", "x < 3", True), ("x < 3", r"(-\infty, 3]", False), ("x < 3", "3 > x", True),
    ("x < 3", "y < 3", False), ("x < 3", r"x \le 3", False), ("x < 3", "x < 4", False), ("x < 3", "x > 3", False), ("x < 3", "2x < 6", True),
    ("2x < 6", "x < 3", True), ("2x < 6", "y < 3", False), ("1 < x < 2", "(1, 2)", True), ("(1, 2)", "1 < x < 2", True),
    ("1 < x < 2", "[1, 2]", False), ("(1, 2)", r"1 < x \le 2", False), ("[1, 2)", "]1, 2[", False), ("(1, 2)", "]1, 2[", True),
    (r"(-\infty, 1) \cup (2, \infty)", r"(2, \infty) \cup (-\infty, 1)", True), (r"(-\infty, 1) \cup (2, \infty)", r"(2, \infty) \cup (-\infty, 1]", False),
    (r"x < 1 \text{ or } x > 2", r"(-\infty, 1) \cup (2, \infty)", True), (r"x < 1 \text{ or } x > 2", r"(-\infty, 1) \cup (2, 3)", False),
    (r"[1, 2] \cup [2, 3]", "[1, 3]", True), ("[1, 3]", r"[1, 2] \cup [2, 3]", True), ("[1, 3]", r"[1, 2] \cup (2.5, 3]", False),
    (r"(1, 2) \cup (2, 3)", "(1, 3)", False), (r"[1, 2] \cup [2, 3]", r"[1, 1.5] \cup [1.5, 3]", True), (r"[1, 2] \cup [2, 3]", r"[1, 1.5] \cup [1.6, 3]", False),
    ("|x| < 2", "(-2, 2)", True), ("(-2, 2)", "|x| < 2", True), ("(-2, 2)", r"|x| \le 2", False), ("|x| < 2", "-2 < x < 2", True),
    ("-2 < x < 2", "|x| < 2", True), ("-2 < x < 2", "|y| < 2", False), (r"\mathbb{R} \setminus \{1\}", r"(-\infty, 1) \cup (1, \infty)", True),
    (r"(-\infty, 1) \cup (1, \infty)", r"\mathbb{R} \setminus \{1\}", True), (r"(-\infty, 1) \cup (1, \infty)", r"\mathbb{R} \setminus \{2\}", False),
    (r"x \ne 1", r"\mathbb{R} - \{1\}", True), (r"x \ne \pm 1", r"\mathbb{R} \setminus \{-1, 1\}", True), (r"x \ne \pm 1", r"x \ne 1", False),
    (r"x \ne 1, x \ne 2", r"x \ne 2 \text{ and } x \ne 1", True), (r"x \ne 1, x \ne 2", r"y \ne 2 \text{ and } y \ne 1", False),
    (r"x > 1 \text{ and } x < 2", "(1, 2)", True), (r"x > 1 \text{ and } x < 2", "(1, 3)", False), (r"\{x \mid x < 3\}", r"(-\infty, 3)", True),
    (r"\{x \in \mathbb{R} : x < 3\}", r"(-\infty, 3]", False), (r"\mathbb{R}", r"(-\infty, \infty)", True), (r"\mathbb{R}", r"(-\infty, 0)", False),
    (r"x \in [1, 2]", "[1, 2]", True), (r"x \in [1, 2]", r"x \in [1, 2)", False), ("x < 3", "3", False), ("3", "x < 3", False), ("(1, 2)", "x", False),
    (r"x > 1", r"\{2\}", False), (r"(1, 2)", r"(1, 2) \cup (3, 4)", False), ("x = 3", "x < 3", False), ("x < 3", "x = 3", False), ("y = x", "y < x", False),
    (r"x < 3", r"\emptyset", False), ("1, 2", r"x \ge 1", False), (r"x^2 < 4", "-2 < x < 2", True), (r"x^2 < 4", "-2 < y < 2", False), (r"(1, 2)", "x^2 < 4", False),
]  # fmt: skip
MATRICES = [
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{bmatrix}1&2\\3&4\end{bmatrix}", True),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&3\\2&4\end{pmatrix}", False),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}", False),
    (r"\begin{pmatrix}1&2\end{pmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", False),
    (r"\begin{pmatrix}1&2&3\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}", False),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", "(1, 2)", True), ("(1, 2)", r"\begin{pmatrix}1\\2\end{pmatrix}", True),
    ("(1, 2)", r"\begin{pmatrix}1&2\end{pmatrix}", True), ("(1, 2)", r"\begin{pmatrix}2\\1\end{pmatrix}", False),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", "[1, 2]", True), (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\{1, 2\}", False),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", "1, 2", False), (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "(1, 2, 3, 4)", False),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "[[1, 2], [3, 4]]", True), ("[[1, 2], [3, 4]]", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", True),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "[[1, 3], [2, 4]]", False), (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "[[1, 2], [3, 4], [5, 6]]", False),
    ("[[1, 2], [3, 4], [5, 6]]", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", False), (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "[(1, 2), (3, 4)]", False),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", "x = 1, y = 2", False), (r"\begin{pmatrix}1\\2\end{pmatrix}", "5", False), ("1", r"\begin{pmatrix}1\end{pmatrix}", False),
    (r"\begin{pmatrix}x\\2\end{pmatrix}", "(x, 2)", True), ("(x, 2)", r"\begin{pmatrix}1/3\\2\end{pmatrix}", False),
    ("(x = 1, y = 2)", r"\begin{pmatrix}1\\2\end{pmatrix}", True),
    (r"\begin{pmatrix}1/3\\2\end{pmatrix}", "(0.3333, 2)", True),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\frac{1}{2}\begin{pmatrix}2\\4\end{pmatrix}", True),
    (r"\frac{1}{2}\begin{pmatrix}2\\4\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}", True),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\frac{1}{2}\begin{pmatrix}2\\5\end{pmatrix}", False),
]  # fmt: skip
PIECEWISE = [
    (r"\begin{cases}x & x>0\\ -x & x\le 0\end{cases}", r"\begin{cases}-x & x\le 0\\ x & x>0\end{cases}", True),
    (r"\begin{cases}x & x>0\\ -x & x\le 0\end{cases}", r"\begin{cases}x, & \text{if } x>0\\ -x, & \text{if } x\le 0\end{cases}", True),
    (r"\begin{cases}x & x>0\\ -x & x\le 0\end{cases}", r"\begin{cases}x & x\ge 0\\ -x & x<0\end{cases}", False),
    (r"\begin{cases}x & x>0\\ -x & x\le 0\end{cases}", r"\begin{cases}-x & x>0\\ x & x\le 0\end{cases}", False),
    (r"\begin{cases}x & x>0\\ -x & x\le 0\end{cases}", "|x|", False), ("|x|", r"\begin{cases}x & x>0\\ -x & x\le 0\end{cases}", False),
    (r"\begin{cases}x & x>0\\ 0 & \text{otherwise}\end{cases}", r"\begin{cases}x & x>0\\ 0 & \text{otherwise}\end{cases}", True),
    (r"\begin{cases}x & x>0\\ 0 & \text{otherwise}\end{cases}", r"\begin{cases}x & x>0\\ 1 & \text{otherwise}\end{cases}", False),
    (r"\begin{cases}x=1\\ y=2\end{cases}", "x = 1, y = 2", True), (r"\begin{cases}x=1\\ y=2\end{cases}", "(2, 1)", False),
]  # fmt: skip
CONGRUENCES = [
    (r"x \equiv 3 \pmod 7", "x ≡ 3 (mod 7)", True), (r"x \equiv 3 \pmod 7", r"3 \pmod{7}", True), (r"3 \pmod 7", r"10 \pmod 7", True),
    (r"3 \pmod 7", r"-4 \pmod 7", True), (r"3 \pmod 7", r"4 \pmod 7", False), (r"3 \pmod 7", r"3 \pmod 8", False),
    (r"x \equiv 3 \pmod 7", r"y \equiv 3 \pmod 7", False), (r"3 \pmod 7", "3", False), ("3", r"3 \pmod 7", False),
    (r"a \pmod n", r"a \pmod n", True), (r"a \pmod n", r"b \pmod n", False), (r"3 \pmod 7", "(3, 7)", False), ("(3, 7)", r"3 \pmod 7", False),
    (r"1, 2 \pmod 7", r"2, 1 \pmod 7", True), (r"\frac12 \pmod 7", r"1 \pmod 7", False), (r"3 \pmod 0", r"3 \pmod 0", True),
]  # fmt: skip
BASES = [
    ("1011_2", "1011_{2}", True), ("1011_2", "1011", False), ("1011", "1011_2", False), ("1011_2", "1011_3", False), ("1011_2", "1010_2", False),
    ("1011_2", r"1011_{\text{two}}", True), ("1011_2", r"1011 \text{ (base 2)}", True), ("1011_2", "11", False), ("2A_{16}", r"\text{2A}_{16}", True), ("2A_{16}", "2B_{16}", False),
]  # fmt: skip
WORDS = [
    (r"\text{no solution}", r"\emptyset", True), (r"\emptyset", r"\text{no solution}", True), (r"\text{no solution}", "0", False), ("0", r"\text{no solution}", False),
    (r"\text{no solution}", "none", True), (r"\text{no solution}", r"\text{infinitely many}", False), (r"\text{infinitely many}", r"\text{infinitely many solutions}", True),
    ("DNE", r"\text{does not exist}", True), ("DNE", "undefined", True), ("DNE", r"\emptyset", False), ("Tuesday", "tuesday", True), ("Tuesday", "Wednesday", False),
    ("Tuesday", "5", False), ("5", "Tuesday", False), ("Tuesday", "x^2", False), ("x^2", "Tuesday", False), ("C", "12", False), ("12", "C", False), ("C", r"C", True),
    ("C", "D", False), ("x", "x", True), ("x", "y", False), ("e", "2.718", True), ("2.718", "e", True), ("2.719", "e", False), ("x", "3", False), ("ab", "ba", True), ("AB", "BA", False),
    ("x", "1x", True), ("x", "2x", False), ("no", "yes", False), ("yes", r"\text{Yes}", True), ("even", "Even", True), ("abcd", "dcba", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        *NUMBERS, *READINGS, *UNITS, *TIMES, *RATIOS, *LISTS, *NAMES, *INTERVALS, *MATRICES, *PIECEWISE, *CONGRUENCES,
        *BASES, *WORDS,
    ],
)  # fmt: skip
def test_structures_are_equal_by_the_documented_rules(gold, answer, expected):
    assert are_equal(gold, answer) is expected


def test_a_percent_sign_may_be_left_out_where_it_is_optional():
    assert are_equal("34%", "34", percent="optional") and are_equal("34", "34%", percent="optional")
    assert not are_equal("34%", "34") and not are_equal("34%", "3400", percent="optional")


@pytest.mark.parametrize(("count", "expected"), [(200, True), (201, False)])
def test_lists_of_more_than_two_hundred_are_not_compared(count, expected):
    numbers = list(range(1000, 1000 + count))  # digits that cannot be read as one number with commas
    assert are_equal("; ".join(map(str, numbers)), "; ".join(map(str, reversed(numbers)))) is expected
