"""Makes pairs of answers that are equal by construction, and pairs that differ in one thing.

Nothing here parses or computes with the code under test: each pair is written twice from the same values, or from
values of which one was changed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from fractions import Fraction

Pair = tuple[str, str]


def equal_pairs(seed: int, count: int) -> Iterator[tuple[str, Pair]]:
    """Kind and (gold, answer) of pairs whose values are the same."""
    rng = random.Random(seed)
    for index in range(count):
        kind = list(KINDS)[index % len(KINDS)]
        value, forms, _ = KINDS[kind](rng)
        gold, answer = rng.choice(forms)(value), rng.choice(forms)(value)
        yield kind, (gold, answer)


def near_misses(seed: int, count: int) -> Iterator[tuple[str, Pair]]:
    """Kind and (gold, answer) of pairs where one thing is changed."""
    rng = random.Random(seed)
    for index in range(count):
        kind = list(KINDS)[index % len(KINDS)]
        value, forms, changed = KINDS[kind](rng)
        for other in changed(value):
            yield kind, (rng.choice(forms)(value), rng.choice(forms)(other))


def _integer(rng: random.Random):
    value = rng.choice([1, -1]) * rng.randint(1, 10 ** rng.randint(1, 7))
    forms: list[Callable] = [
        str,
        lambda n: f"{n:,}",
        lambda n: f"{n:,}".replace(",", "{,}"),
        lambda n: f"{n}.0",
        lambda n: f"\\frac{{{2 * n}}}{{2}}",
        lambda n: f"{n + 3} - 3",
        lambda n: f"x = {n}",
        lambda n: f"{n}\\text{{ units}}",
        lambda n: f"\\sqrt{{{n * n}}}" if n > 0 else f"-\\sqrt{{{n * n}}}",
    ]

    def changed(n: int) -> list[int]:
        digits = list(str(abs(n)))
        at = rng.randrange(len(digits))
        digits[at] = str((int(digits[at]) % 9) + 1 if digits[at] != "9" else 1)
        flipped = int("".join(digits)) * (1 if n > 0 else -1)
        return [m for m in {-n, n + 1, n * 10, flipped} if m != n]

    return value, forms, changed


def _fraction(rng: random.Random):
    value = Fraction(rng.choice([1, -1]) * rng.randint(1, 60), rng.choice([3, 6, 7, 9, 11, 13, 17, 19]))

    def mixed(q: Fraction) -> str:
        whole, rest = divmod(abs(q.numerator), q.denominator)
        sign = "-" if q < 0 else ""
        if not whole or not rest:
            return f"{q.numerator}/{q.denominator}"
        return f"{sign}{whole}\\frac{{{rest}}}{{{q.denominator}}}"

    forms: list[Callable] = [
        lambda q: f"{q.numerator}/{q.denominator}",
        lambda q: f"\\frac{{{q.numerator}}}{{{q.denominator}}}",
        lambda q: f"\\dfrac{{{3 * q.numerator}}}{{{3 * q.denominator}}}",
        lambda q: f"{'-' if q < 0 else ''}\\frac{{{abs(q.numerator)}}}{{{q.denominator}}}",
        lambda q: f"{q.numerator} \\div {q.denominator}",
        lambda q: f"\\left({q.numerator}\\right)\\cdot\\frac{{1}}{{{q.denominator}}}",
        mixed,
    ]

    def changed(q: Fraction) -> list[Fraction]:
        others = [-q, 1 / q, q + 1, Fraction(q.numerator + 1, q.denominator), Fraction(q.numerator, q.denominator + 2)]
        return [other for other in others if other != q]

    return value, forms, changed


def _quantity(rng: random.Random):
    """A length with its unit; the unit is a part of the value."""
    value = (Fraction(rng.randint(1, 400), rng.choice([1, 2, 4, 5])), rng.choice(["cm", "kg", "hours", "dollars"]))

    def decimal(q: Fraction) -> str:
        return f"{float(q):g}"

    def smaller(v) -> str:
        amount, unit = v
        factor, name = {"cm": (10, "mm"), "kg": (1000, "g"), "hours": (60, "minutes"), "dollars": (100, "cents")}[unit]
        return f"{decimal(amount * factor)} \\text{{ {name}}}"

    forms: list[Callable] = [
        lambda v: f"{decimal(v[0])} {v[1]}",
        lambda v: f"{decimal(v[0])}\\text{{ {v[1]}}}",
        lambda v: f"{decimal(v[0])}\\ \\mathrm{{{v[1]}}}",
        lambda v: f"\\frac{{{v[0].numerator}}}{{{v[0].denominator}}}\\text{{ {v[1]}}}",
        smaller,
    ]

    def changed(v) -> list:
        amount, unit = v
        others = [name for name in ("cm", "kg", "hours", "dollars") if name != unit]
        return [(amount + 1, unit), (amount * 10, unit), *((amount, name) for name in others)]

    return value, forms, changed


def _polynomial(rng: random.Random):
    """Coefficients by exponent of x and y, with at least two terms."""
    terms = {}
    while len(terms) < 2:
        for _ in range(rng.randint(2, 4)):
            terms[(rng.randint(0, 3), rng.randint(0, 2))] = rng.choice([-7, -3, -2, -1, 2, 3, 5, 8])
    value = tuple(sorted(terms.items()))

    def term(powers: tuple[int, int], times: str = "") -> str:
        names = [
            name if power == 1 else f"{name}^{{{power}}}" for name, power in zip("xy", powers, strict=True) if power
        ]
        return times.join(names)

    def written(items, times: str = "") -> str:
        text = ""
        for powers, coefficient in items:
            body = term(powers, times)
            size = "" if abs(coefficient) == 1 and body else str(abs(coefficient))
            text += (" + " if coefficient > 0 else " - ") + size + (times if size and body else "") + body
        return text.removeprefix(" + ").replace(" - ", "-", 1) if text.startswith(" - ") else text.removeprefix(" + ")

    def split(items) -> str:
        (powers, coefficient), *rest = items
        return written([(powers, coefficient - 1), (powers, 1), *rest] if coefficient != 1 else items)

    forms: list[Callable] = [
        written,
        lambda items: written(tuple(reversed(items))),
        lambda items: written(items, "\\cdot "),
        lambda items: written(items, "*").replace("{", "").replace("}", ""),
        lambda items: f"-({written(tuple((powers, -c) for powers, c in items))})",
        lambda items: f"\\frac{{{written(tuple((powers, 4 * c) for powers, c in items))}}}{{4}}",
        lambda items: f"({written(items)} + z) - z",
        split,
    ]

    def changed(items) -> list:
        at = rng.randrange(len(items))
        (i, j), coefficient = items[at]
        before, after = items[:at], items[at + 1 :]
        others = [
            (*before, ((i, j), -coefficient), *after),
            (*before, ((i, j), coefficient * 10), *after),
            (*before, ((i + 4, j), coefficient), *after),
            (*before, *after),
        ]
        swapped = tuple(((b, a), c) for (a, b), c in items)
        return others + ([swapped] if dict(swapped) != dict(items) else [])

    return value, forms, changed


def _inequality(rng: random.Random):
    """a x + b y < c with its sign."""
    value = (rng.randint(1, 9), rng.randint(1, 9), rng.choice(["<", ">", "\\le ", "\\ge "]), rng.randint(1, 30))
    turned = {"<": ">", ">": "<", "\\le ": "\\ge ", "\\ge ": "\\le "}

    forms: list[Callable] = [
        lambda v: f"{v[0]}x + {v[1]}y {v[2]} {v[3]}",
        lambda v: f"{v[3]} {turned[v[2]]} {v[0]}x + {v[1]}y",
        lambda v: f"{2 * v[0]}x + {2 * v[1]}y {v[2]} {2 * v[3]}",
        lambda v: f"-{v[0]}x - {v[1]}y {turned[v[2]]} -{v[3]}",
        lambda v: f"{v[0]}x + {v[1]}y - {v[3]} {v[2]} 0",
    ]

    def changed(v) -> list:
        a, b, sign, c = v
        strict = {"<": "\\le ", ">": "\\ge ", "\\le ": "<", "\\ge ": ">"}
        others = [(a, b, turned[sign], c), (a, b, strict[sign], c), (a, b, sign, c + 1), (a + 1, b, sign, c)]
        return others + ([(b, a, sign, c)] if a != b else [])

    return value, forms, changed


def _interval(rng: random.Random):
    """Opening bracket, ends and closing bracket."""
    low = rng.randint(-20, 10)
    value = (rng.choice("(["), low, low + rng.randint(1, 30), rng.choice(")]"))

    def relation(v) -> str:
        signs = {"(": "<", ")": "<", "[": r"\le ", "]": r"\le "}
        return f"{v[1]} {signs[v[0]]} x {signs[v[3]]} {v[2]}"

    forms: list[Callable] = [
        lambda v: f"{v[0]}{v[1]}, {v[2]}{v[3]}",
        lambda v: f"\\left{v[0]}{v[1]},\\frac{{{2 * v[2]}}}{{2}}\\right{v[3]}",
        lambda v: f"x \\in {v[0]}{v[1]}, {v[2]}{v[3]}",
        relation,
    ]

    def changed(v) -> list:
        start, a, b, end = v
        other = {"(": "[", "[": "(", ")": "]", "]": ")"}
        return [(other[start], a, b, end), (start, a, b, other[end]), (start, a - 1, b, end), (start, a, b + 1, end)]

    return value, forms, changed


def _ray(rng: random.Random):
    value = (rng.choice(["<", ">", "\\le ", "\\ge "]), rng.randint(-30, 30), rng.choice("xnt"))
    turned = {"<": ">", ">": "<", "\\le ": "\\ge ", "\\ge ": "\\le "}
    forms: list[Callable] = [
        lambda v: f"{v[2]} {v[0]} {v[1]}",
        lambda v: f"{v[1]} {turned[v[0]]} {v[2]}",
        lambda v: f"{v[2]} {v[0]} \\frac{{{3 * v[1]}}}{{3}}",
    ]

    def changed(v) -> list:
        sign, bound, name = v
        strict = {"<": "\\le ", ">": "\\ge ", "\\le ": "<", "\\ge ": ">"}
        return [(turned[sign], bound, name), (strict[sign], bound, name), (sign, bound + 1, name), (sign, bound, "w")]

    return value, forms, changed


def _set(rng: random.Random):
    value = tuple(rng.sample(range(-50, 400), rng.randint(2, 5)))
    forms: list[Callable] = [
        lambda v: f"\\{{{', '.join(map(str, v))}\\}}",
        lambda v: f"\\{{{','.join(map(str, reversed(v)))}\\}}",
        lambda v: ", ".join(map(str, sorted(v))),
        lambda v: ", ".join(map(str, v[:-1])) + f" and {v[-1]}",
        lambda v: ", ".join(map(str, v[:-1])) + f" \\text{{ and }} {v[-1]}",
    ]

    def changed(v) -> list:
        return [v[1:], v[:-1], (*v[:-1], v[-1] + 1000), (*v, 999)]

    return value, forms, changed


def _tuple(rng: random.Random):
    value = tuple(rng.randint(-20, 20) for _ in range(rng.randint(2, 4)))
    forms: list[Callable] = [
        lambda v: f"({', '.join(map(str, v))})",
        lambda v: f"\\left({','.join(map(str, v))}\\right)",
        lambda v: "\\begin{pmatrix} " + r" \\ ".join(map(str, v)) + " \\end{pmatrix}",
    ]

    def changed(v) -> list:
        others = [(v[0] + 1, *v[1:]), (*v[:-1], -v[-1] - 1), v[1:] if len(v) > 2 else (*v, 1), tuple(reversed(v))]
        return [other for other in others if other != v]

    return value, forms, changed


def _matrix(rng: random.Random):
    value = tuple(tuple(rng.randint(-9, 9) for _ in range(2)) for _ in range(2))

    def rows(v, join: str, kind: str, entry: Callable) -> str:
        body = join.join(" & ".join(entry(cell) for cell in row) for row in v)
        return f"\\begin{{{kind}}}{body}\\end{{{kind}}}"

    forms: list[Callable] = [
        lambda v: rows(v, r"\\", "pmatrix", str),
        lambda v: rows(v, r" \\ ", "bmatrix", str),
        lambda v: rows(v, r"\\", "pmatrix", lambda cell: f"\\frac{{{2 * cell}}}{{2}}"),
    ]

    def changed(v) -> list:
        (a, b), (c, d) = v
        others = [((a, c), (b, d)), ((a + 1, b), (c, d)), ((a, b), (c, -d)), ((a, b),)]
        return [other for other in others if other != v]

    return value, forms, changed


def _power(rng: random.Random):
    """A power with a large exponent, of either sign: two of them are never close in ratio, however small."""
    value = (rng.choice([2, 3, 5, 7, 10]), rng.choice([1, -1]) * rng.randint(40, 3000))
    forms: list[Callable] = [
        lambda v: f"{v[0]}^{{{v[1]}}}",
        lambda v: f"{v[0]}^{{{v[1] - 2}}} \\cdot {v[0] ** 2}",
        lambda v: f"\\frac{{1}}{{{v[0]}^{{{-v[1]}}}}}",
        lambda v: f"\\frac{{{v[0]}^{{{v[1] + 1}}}}}{{{v[0]}}}",
    ]

    def changed(v) -> list:
        return [(v[0], v[1] + 1), (v[0], -v[1]), (v[0] + 1, v[1]), (v[0], v[1] * 2)]

    return value, forms, changed


def _root(rng: random.Random):
    """a + b sqrt(n), for n without square factors."""
    value = (rng.randint(-9, 9), rng.choice([-5, -3, 2, 4, 7]), rng.choice([2, 3, 5, 6, 7, 10, 11]))
    forms: list[Callable] = [
        lambda v: f"{v[0]} {v[1]:+d}\\sqrt{{{v[2]}}}",
        lambda v: f"{v[1]}\\sqrt{{{v[2]}}} {v[0]:+d}",
        lambda v: f"{v[0]} {'+' if v[1] > 0 else '-'} \\sqrt{{{v[1] ** 2 * v[2]}}}",
        lambda v: f"\\frac{{{2 * v[0]} {2 * v[1]:+d}\\sqrt{{{v[2]}}}}}{{2}}",
        lambda v: f"{v[0]} + \\frac{{{v[1] * v[2]}}}{{\\sqrt{{{v[2]}}}}}",
    ]

    def changed(v) -> list:
        a, b, n = v
        return [(a + 1, b, n), (a, -b, n), (a, b + 11, n), (a, b, 13), (-a if a else 1, b, n)]

    return value, forms, changed


def _time(rng: random.Random):
    value = (rng.randint(1, 12), rng.randint(0, 59), rng.choice("ap"))
    forms: list[Callable] = [
        lambda v: f"{v[0]}:{v[1]:02d} {v[2].upper()}M",
        lambda v: f"{v[0]}:{v[1]:02d} {v[2]}.m.",
        lambda v: f"{v[0]}:{v[1]:02d}\\text{{ {v[2]}.m.}}",
        lambda v: f"{v[0]:02d}:{v[1]:02d}{v[2]}m",
    ]

    def changed(v) -> list:
        hour, minute, half = v
        return [
            (hour % 12 + 1, minute, half),
            (hour, (minute + 1) % 60, half),
            (hour, minute, "a" if half == "p" else "p"),
        ]

    return value, forms, changed


def _ratio(rng: random.Random):
    value = (rng.randint(1, 9), rng.randint(10, 19))
    forms: list[Callable] = [
        lambda v: f"{v[0]}:{v[1] * 1}" if v[1] > 59 else f"{7 * v[0]} : {7 * v[1]}",
        lambda v: f"{v[0]} to {v[1]}",
        lambda v: f"{9 * v[0]} \\colon {9 * v[1]}",
    ]

    def changed(v) -> list:
        return [(v[1], v[0]), (v[0] + 11, v[1]), (v[0], v[1] + 1)]

    return value, forms, changed


def _congruence(rng: random.Random):
    modulus = rng.randint(3, 40)
    value = (rng.randrange(modulus), modulus)
    forms: list[Callable] = [
        lambda v: f"{v[0]} \\pmod{{{v[1]}}}",
        lambda v: f"x \\equiv {v[0] + v[1]} \\pmod{{{v[1]}}}",
        lambda v: f"x ≡ {v[0] - v[1]} (mod {v[1]})",
        lambda v: f"x \\equiv {v[0]} \\text{{ (mod {v[1]})}}",
    ]

    def changed(v) -> list:
        return [((v[0] + 1) % v[1], v[1]), (v[0], 2 * v[1]), ((v[0] + 2) % v[1], v[1])]

    return value, forms, changed


def _piecewise(rng: random.Random):
    """a x where x is more than c, else b."""
    value = (rng.randint(2, 9), rng.randint(-9, 9), rng.randint(-9, 9))
    forms: list[Callable] = [
        lambda v: f"\\begin{{cases}} {v[0]}x & x > {v[2]} \\\\ {v[1]} & x \\le {v[2]} \\end{{cases}}",
        lambda v: f"\\begin{{cases}} {v[1]}, & x \\leq {v[2]} \\\\ {v[0]}x, & x > {v[2]} \\end{{cases}}",
        lambda v: (
            f"f(x) = \\begin{{cases}} {v[0]}x & \\text{{if }} x > {v[2]} \\\\ "
            f"{v[1]} & \\text{{if }} x \\le {v[2]} \\end{{cases}}"
        ),
    ]

    def changed(v) -> list:
        return [(v[0] + 1, v[1], v[2]), (v[0], v[1] + 1, v[2]), (v[0], v[1], v[2] + 1), (-v[0], v[1], v[2])]

    return value, forms, changed


def _repeating(rng: random.Random):
    """A decimal's digits and its period, which is not their end repeated and no nine."""
    period = rng.choice([f"{n}" for n in range(1, 9)] + [f"{n}" for n in range(10, 99) if n % 11])
    value = (rng.choice(["", *"0123456789"]), period)
    value = value if value[0] != period[-1] else ("", period)

    def quotient(v) -> str:
        below = 10 ** len(v[1]) - 1
        fraction = (int(v[0] or "0") + Fraction(int(v[1]), below)) / 10 ** len(v[0])
        return f"\\frac{{{fraction.numerator}}}{{{fraction.denominator}}}"

    forms: list[Callable] = [
        lambda v: f"0.{v[0]}\\overline{{{v[1]}}}",
        lambda v: f"0.{v[0]}{3 * v[1]}...",
        lambda v: f"0.{v[0]}({v[1]})" if not v[0] else f"0.{v[0]}\\bar{{{v[1]}}}",
        quotient,
    ]

    def changed(v) -> list:
        other = str(int(v[1]) % 8 + 1)
        others = [(v[0], other), (v[0] + "5", v[1]), (("5" if v[0] != "5" else "6"), v[1])]
        return [o for o in others if quotient(o) != quotient(v)]

    return value, forms, changed


def _solution(rng: random.Random):
    """Values of x and y."""
    x = rng.randint(-20, 20)
    value = (x, x + rng.randint(1, 20))
    forms: list[Callable] = [
        lambda v: f"({v[0]}, {v[1]})",
        lambda v: f"x = {v[0]}, y = {v[1]}",
        lambda v: f"y = {v[1]}, x = {v[0]}",
        lambda v: f"(x, y) = ({v[0]}, {v[1]})",
        lambda v: f"y = {v[1]} \\text{{ and }} x = {v[0]}",
        lambda v: f"\\begin{{cases}} x = {v[0]} \\\\ y = {v[1]} \\end{{cases}}",
    ]

    def changed(v) -> list:
        return [(v[1], v[0]), (v[0] + 1, v[1]), (v[0], -v[1] - 1)]

    return value, forms, changed


def _excluded(rng: random.Random):
    """The real numbers but one or two."""
    value = tuple(rng.sample(range(-20, 20), rng.randint(1, 2)))

    def unequal(v) -> str:
        return ", ".join(f"x \\ne {n}" for n in v)

    def union(v) -> str:
        ends = ["-\\infty", *map(str, sorted(v)), "\\infty"]
        return " \\cup ".join(f"({a}, {b})" for a, b in zip(ends, ends[1:], strict=False))

    forms: list[Callable] = [
        lambda v: f"\\mathbb{{R}} \\setminus \\{{{', '.join(map(str, v))}\\}}",
        lambda v: f"\\mathbb R - \\{{{', '.join(map(str, reversed(v)))}\\}}",
        lambda v: f"\\text{{all real numbers except }} {' and '.join(map(str, v))}",
        unequal,
        union,
    ]

    def changed(v) -> list:
        return [(v[0] + 50, *v[1:]), (*v, 99), (*v[:-1], -v[-1] - 100)]

    return value, forms, changed


KINDS = {
    "integer": _integer,
    "fraction": _fraction,
    "quantity": _quantity,
    "polynomial": _polynomial,
    "inequality": _inequality,
    "interval": _interval,
    "ray": _ray,
    "set": _set,
    "tuple": _tuple,
    "matrix": _matrix,
    "power": _power,
    "root": _root,
    "time": _time,
    "ratio": _ratio,
    "congruence": _congruence,
    "piecewise": _piecewise,
    "repeating": _repeating,
    "solution": _solution,
    "excluded": _excluded,
}
"""Kind → from a random generator: a value, the forms it is written in, and what changes one thing of it."""
