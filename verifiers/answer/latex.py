"""Cleans the text of an answer: one spelling for what LaTeX, Unicode and plain text write differently.

The result is plain ASCII-like LaTeX without math delimiters, sizing commands and spacing commands. Every function here
takes linear time.
"""

from __future__ import annotations

import re

from verifiers.answer.vectors import without_unit_vectors

CURRENCY = "＄"
"""What an escaped or lone dollar sign becomes, once the dollars that delimit math are gone."""
GARBAGE = "\ufffd"
"""What control, format and surrogate characters become. It is part of no answer."""

_CHARACTERS = str.maketrans(
    {
        "−": "-", "–": "-", "‐": "-", "‑": "-", "×": r"\times ", "⋅": r"\cdot ", "·": r"\cdot ", "÷": "/", "∕": "/",
        "⁄": "/", "√": r"\sqrt ", "π": r"\pi ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ",
        **{chr(zero + digit): str(digit) for zero in (0xFF10, 0x660, 0x6F0, 0x966) for digit in range(10)},
        "≈": r"\approx ", "°": r"^\circ ", "±": r"\pm ", "∓": r"\mp ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ",
        "∛": r"\sqrt[3]", "∜": r"\sqrt[4]", "≡": r"\equiv ",
        "∅": r"\emptyset ", "ℝ": r"\mathbb{R}", "²": "^2", "³": "^3", "½": r"\frac{1}{2}", "⅓": r"\frac{1}{3}",
        "⅔": r"\frac{2}{3}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "⅕": r"\frac{1}{5}", "⅖": r"\frac{2}{5}",
        "⅗": r"\frac{3}{5}", "⅘": r"\frac{4}{5}", "⅙": r"\frac{1}{6}", "⅚": r"\frac{5}{6}", "⅛": r"\frac{1}{8}",
        "⅜": r"\frac{3}{8}", "⅝": r"\frac{5}{8}", "⅞": r"\frac{7}{8}", "⟨": "(", "⟩": ")", "∗": "*", "′": "'", "∶": ":",
        "：": ":", "，": ",", "∙": r"\cdot ", "θ": r"\theta ", "α": r"\alpha ",
        "β": r"\beta ", "’": "'", "‘": "'", "“": '"', "”": '"', "％": "%", "＝": "=", "\u00a0": " ", "\u2009": " ",
        "\u202f": " ", "\u2002": " ", "\u2003": " ", "\t": " ", "\r": " ", "\v": " ", "\f": " ",
    }
)  # fmt: skip
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2061-\u2065\u2067\u206a-\u206f\ud800-\udfff]")
_WIDTHLESS = re.compile("[\u00ad\u200b-\u200f\u2060\u2066\u2068\u2069\ufeff\ufe00-\ufe0f\u20e3]")
"""What is not seen and moves nothing: joiners, marks of direction, selectors of variants, the frame of a keycap."""
_FULL_WIDTH = str.maketrans({code: code - 0xFEE0 for code in (*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))})
_FULL_WIDTH |= str.maketrans("＋－＊／＝（）＜＞﹣﹢【】", "+-*/=()<>-+[]")
"""Letters, operators and brackets of the width of a Chinese character. Digits are read where numbers are."""
# Escapes that a string literal swallowed: "\frac" read as form feed + "rac", and its kin.
_SWALLOWED = re.compile(r"\\?(?:\x0c(?=rac)|\x08(?=oxed|inom|egin|eta)|\x0b(?=ec)|\t(?=imes|ext\{|frac|heta|an\b))")
_SWALLOWED_LETTER = {"\x0c": r"\f", "\x08": r"\b", "\x0b": r"\v", "\t": r"\t"}
_SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]{2,}|[⁰¹⁴⁵⁶⁷⁸⁹]")
_SUBSCRIPTS = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
_PLAIN_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻₀₁₂₃₄₅₆₇₈₉", "0123456789-0123456789")
_TIMES = re.compile(
    r"(?<=[0-9)}])\s*(?<!\b0)[xX]\s*(?=[0-9])|(?<=[0-9)}])\s+[xX]\s+(?=\()|(?<=[0-9)}])\s+times\s+(?=[-0-9(\\])"
)
_SPOKEN = {"plus": "+", "minus": "-", "divided by": "/", "multiplied by": r"\times", "over": "/"}
_SPOKEN |= {"to the power of": "^", "raised to the power of": "^"}
_SPOKEN_SIGN = re.compile(rf"(?<=[0-9)}}])\s+({'|'.join(_SPOKEN)})\s+(?=[-0-9(\\])")
_RAISED = re.compile(r"(?<=[0-9)}])\s+(squared|cubed|factorial)(?![A-Za-z])")
_SQUARED_UNIT = re.compile(r"(?<![A-Za-z])(mm|cm|dm|km|m|ft|in|yd|mi)([²³])")

_DOUBLED = re.compile(r"\\\\(?=[a-zA-Z([{\])}])")
_SIZING = re.compile(r"\\(?:left|right|[bB]igg?[lr]?|mleft|mright)(?![a-zA-Z])\s*\.?(?=[\s\\()\[\]{}|.<>/])")
_FIGURE = re.compile(r"^[\s$]*\\(angle|triangle|overarc|arc)\s*\{?\s*([A-Z]{1,4})\s*\}?[\s$]*$")
"""An angle, triangle or arc by its points, which is a name."""
_SYSTEMS = {"binary": 2, "octal": 8, "hexadecimal": 16}
_IN_SYSTEM = re.compile(rf"(?<=[0-9A-F])\s+in\s+({'|'.join(_SYSTEMS)})(?=[\s.$]*$)", re.IGNORECASE)
_THIN = re.compile(r"\\!\s*|\{\s*,\s*\}")
_SPACE = re.compile(r"\\(?:qquad|quad|thinspace|medspace|thickspace|enspace)|\\[,;: ]|(?<!\\)~|\\hspace\{[^{}]*\}")
_DROPPED = re.compile(
    r"\\(?:displaystyle|textstyle|scriptstyle|limits|nolimits|bf|rm|it|phantom\{[^{}]*\}|mathstrut|strut|normalsize"
    r"|[Ll]arge|LARGE|[Hh]uge|small)(?![a-zA-Z])|\\(?:text)?color\s*\{[^{}]*\}|\\underline(?=\s*\{)"
)
_GROUPED = re.compile(r"(?:\s*\{([^{}]*)\}\s*)")
"""What a command for a colour or a line leaves: braces around the whole answer."""
_FRACTION = re.compile(r"\\[dtc](frac|binom)(?![a-zA-Z])")
_TEXT = re.compile(r"\\(?:textbf|textnormal|textrm|textit|texttt|textsf|mbox|hbox|mathrm|mathbf|mathit|mathsf)\s*\{")
_LETTER = re.compile(
    r"\\(?:mathbf|mathit|boldsymbol|bm)\s*\{\s*([A-Za-z])\s*\}|\\mathrm\s*\{\s*([ei]|d(?=\}\s*[a-z]))\s*\}"
)
"""A letter in another font. In roman type most letters are units, but e and i are constants."""
_TEXT_FUNCTION = re.compile(
    r"\\(?:mathrm|operatorname|text)\s*\{\s*((?:arc)?(?:sin|cos|tan)|cot|csc|cis|ln|log|exp|gcd|lcm)\s*\}"
)
_CHOOSE = re.compile(r"\{([^{}]*)\\choose(?![a-zA-Z])([^{}]*)\}")
_DOTTED = re.compile(r"(?<=[0-9.])\\(?:dot|bar)\s*\{?\s*([0-9]+)\s*\}?(?:([0-9]*)\\dot\s*\{?\s*([0-9])\s*\}?)?")
"""A repeating decimal with a bar or with dots over its period."""
_CHOSEN = re.compile(
    r"(?:\{\s*\})?[\^_]\s*\{?\s*([0-9]+)\s*\}?\s*C\s*_\s*\{?\s*([0-9]+)\s*\}?|(?<![0-9A-Za-z.^_])([0-9]{1,3})C([0-9]{1,3})(?![0-9A-Za-z_])"
)
"""The binomial coefficient as `{}^8C_3` or `8C3`."""
_MODULO = re.compile(
    r"\\text\s*\{\s*\(\s*mod(?:ulo)?\s*([0-9]+)\s*\)\s*\}"
    r"|\(\s*(?:\\mod|\\text\s*\{\s*mod(?:ulo)?\s*\}|mod(?:ulo)?)(?![a-zA-Z])\s*\{?([^(){}]*)\}?\s*\)"
    r"|\\pmod\s*(?:\{([^{}]*)\}|([0-9a-z]))"
)
_GOING_ON = re.compile(r"(\.[0-9]+)\s*(?:\.{3}|…)")
"""Dots that belong to a decimal, so that they are not taken for the end of a sentence."""
_TEXT_DIGITS = re.compile(r"\\text\{\s*([0-9A-Z]+)\s*\}(?=\s*_)")
_REALS = re.compile(r"\\mathbb\s*R(?![A-Za-z])|\\mathbb\s*\{\s*R\s*\}|\\R(?![A-Za-z])")
_WITHOUT = re.compile(r"\\mathbb\{R\}\s*(?:-|\\backslash|\\smallsetminus|\\)\s*(?=\\\{)")
_TEXT_OPEN = re.compile(r"\\text\s+\{")
_CONNECTIVE = re.compile(r",?\s*\\text\{\s*,?\s*(?:([^{}]*?[A-Za-z])\s+)?(and|or)\s*,?\s*\}")
_TEXT_COMPARED = re.compile(
    r"\\text\{\s*(?:is|are|must\sbe|should\sbe)\s+(?:strictly\s+)?(greater|more|larger|less|smaller|fewer)\s+than(\s+or\s+equal\s+to)?\s*\}"
)
_TEXT_SIGN = re.compile(rf"\\text\{{\s*(to|{CURRENCY}|[€£¥₹¢])\s*\}}")
_TEXT_COMMA = re.compile(r"\\text\s*\{\s*([,;])\s*\}")
_THEREFORE = re.compile(r"^[\s$]*(?:\\therefore(?![a-zA-Z])|∴)\s*")
_ABSOLUTE = re.compile(r"(?<![A-Za-z\\])abs\s*\(([^()]*)\)")
_ANGULAR = re.compile(r"<\s*([^<>=]{1,200},[^<>=]{1,200}?)\s*>")
"""A vector in angle brackets: `<1, 2>`."""
_ARRANGED = re.compile(
    r"(?:\{\s*\})?[\^_]\s*\{?\s*([0-9]{1,3})\s*\}?\s*P\s*_\s*\{?\s*([0-9]{1,3})\s*\}?|(?<![0-9A-Za-z.^_])([0-9]{1,3})P([0-9]{1,3})(?![0-9A-Za-z_])"
)
"""The number of arrangements as `{}^8P_3` or `8P3`."""
_SYNONYMS = [
    (re.compile(r"\\(?:leq|leqslant)(?![a-zA-Z])|<="), r"\\le "),
    (re.compile(r"\\(?:geq|geqslant)(?![a-zA-Z])|>="), r"\\ge "),
    (re.compile(r"\\neq(?![a-zA-Z])|\\not\s*=|!="), r"\\ne "),
    (re.compile(r"\\(?:coloneqq|coloneq|triangleq)(?![a-zA-Z])|(?<=[A-Za-z0-9)}\s]):="), "="),
    (re.compile(r"\\(?:nleq|nleqslant|not\s*\\leq?)(?![a-zA-Z])"), ">"),
    (re.compile(r"\\(?:ngeq|ngeqslant|not\s*\\geq?)(?![a-zA-Z])"), "<"),
    (re.compile(r"\\(?:lor|vee)(?![a-zA-Z])(?=.*(?:[=<>]|\\(?:le|ge|ne|in)(?![a-z])))"), " or "),
    (re.compile(r"\\(?:land|wedge)(?![a-zA-Z])(?=.*(?:[=<>]|\\(?:le|ge|ne|in)(?![a-z])))"), " and "),
    (re.compile(r"\\lt(?![a-zA-Z])"), "<"),
    (re.compile(r"\\gt(?![a-zA-Z])"), ">"),
    (re.compile(r"\\lbrace(?![a-zA-Z])"), r"\\{"),
    (re.compile(r"\\rbrace(?![a-zA-Z])"), r"\\}"),
    (re.compile(r"\\l?r?vert(?![a-zA-Z])"), "|"),
    (re.compile(r"\\l?brack(?![a-zA-Z])"), "["),
    (re.compile(r"\\langle(?![a-zA-Z])"), "("),
    (re.compile(r"\\rangle(?![a-zA-Z])"), ")"),
    (re.compile(r"\\rbrack(?![a-zA-Z])"), "]"),
    (re.compile(r"\\(?:varnothing|O)(?![a-zA-Z])"), r"\\emptyset "),
    (re.compile(r"\^\s*\{?\s*\\circ\s*\}?\s*(?:\\text\{\s*)?C(?![A-Za-z])\s*\}?"), r"\\text{ celsius}"),
    (re.compile(r"\^\s*\{?\s*\\circ\s*\}?\s*(?:\\text\{\s*)?F(?![A-Za-z])\s*\}?"), r"\\text{ fahrenheit}"),
    (re.compile(r"\^\s*\{?\s*\\(?:circ|degree)(?![a-zA-Z])\s*\}?|\\degree(?![a-zA-Z])"), r"\\text{ degrees}"),
    (re.compile(r"\\bmod(?![a-zA-Z])"), r"\\mod "),
    (re.compile(r"\\colon(?![a-zA-Z])"), ":"),
    (re.compile(r"\\(?:cdot|ast)(?![a-zA-Z])"), r"\\cdot "),
    (re.compile(r"\\(?:simeq|thickapprox|doteq)(?![a-zA-Z])"), r"\\approx "),
]
_DELIMITERS = re.compile(r"(?<!\\)\\[\[\]()]")
_EDGES = re.compile(r"^[\s*_`=~]+|[\s*_`.,;:~]+\\*$|\\+$")
_QUOTED = re.compile(r"([\"'])([^\"']+)\1")
_COUNTER = re.compile("(?<=[0-9}])\\s?(?!.{0,5}[万萬億亿千百十兆半成折倍余多])[一-鿿぀-ヿ가-힣]{1,6}$")
"""A measure word and what is counted, behind a number in a language without spaces."""


def readable(text: str) -> str:
    """The text with swallowed escapes repaired, full-width letters and signs as plain ones, and what is not seen gone.

    What is not seen but may move or hide what is (control characters, overrides of direction) becomes `GARBAGE`.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SWALLOWED.sub(lambda match: _SWALLOWED_LETTER[match[0][-1]], text)
    return _UNSEEN.sub(GARBAGE, _WIDTHLESS.sub("", text).translate(_FULL_WIDTH))


def clean(text: str) -> str:
    r"""An answer's text in one spelling.

    `\left( \dfrac12 , 1{,}000 \right)` → `( \frac12 , 1,000 )`. Math delimiters, sizing and spacing commands go,
    text commands become `\text`, relations and degrees get one name, an escaped dollar becomes `CURRENCY`.
    """
    text = readable(text)
    if not text.isascii():
        text = _SUPERSCRIPTS.sub(lambda m: f"^{{{m[0].translate(_PLAIN_DIGITS)}}}", text)
        text = _SUBSCRIPTS.sub(lambda m: f"_{{{m[0].translate(_PLAIN_DIGITS)}}}", text)
        text = _COUNTER.sub("", text.rstrip("。. "))
        text = _SQUARED_UNIT.sub(lambda m: rf"\text{{ {m[1]}}}^{'2' if m[2] == '²' else '3'}", text)
    text = _THEREFORE.sub("", text) if "therefore" in text or "∴" in text else text
    text = text.translate(_CHARACTERS).replace(r"\text{:}", ":").replace("{:}", ":")
    text = _TEXT_COMMA.sub(r"\1 ", text) if r"\text" in text else text
    if "..." in text or "…" in text:
        text = _GOING_ON.sub(r"\1\\ldots", text)
    if "\\" in text:
        if r"\begin" not in text:
            text = _DOUBLED.sub(r"\\", text)
        elif r"\\begin" in text:
            text = text.replace("\\\\", "\\")
        text = _FIGURE.sub(r"\\text{\1 \2}", text)
        text = text.replace(r"\$", CURRENCY).replace(r"\%", "%").replace(r"\#", "#").replace(r"\&", "&")
        text = _DELIMITERS.sub(" ", text) if r"\begin" not in text else text
        text = _THIN.sub(lambda m: "," if "," in m[0] else "", text)
        text = (
            _SPACE.sub(" ", text) if r"\begin" not in text else re.sub(r"\\(?:qquad|quad)|(?<!\\)\\[,;: ]", " ", text)
        )
        text = _DROPPED.sub("", text)
        text = _SIZING.sub("", text)
        text = _FRACTION.sub(r"\\\1", text)
        text = without_unit_vectors(text)
        text = _LETTER.sub(
            lambda m: f" {m[1] or m[2]}" if text[max(m.start() - 1, 0)].isalpha() else m[1] or m[2], text
        )
        text = _TEXT_FUNCTION.sub(r"\\\1 ", text)
        text = _CHOOSE.sub(r"\\binom{\1}{\2}", text)
        text = match[1] if (match := _GROUPED.fullmatch(text)) else text
        text = _DOTTED.sub(lambda m: f"\\overline{{{m[1]}{m[2] or ''}{m[3] or ''}}}", text)
        text = _WITHOUT.sub(r"\\mathbb{R} \\setminus ", _REALS.sub(r"\\mathbb{R}", text))
        text = _TEXT_OPEN.sub(r"\\text{", _TEXT.sub(r"\\text{", text))
        text = _TEXT_DIGITS.sub(r"\1", text)
        if "than" in text:
            text = _TEXT_COMPARED.sub(_compared, text)
        text = _TEXT_SIGN.sub(r" \1 ", text)
        text = _CONNECTIVE.sub(lambda m: f"\\text{{ {m[1]}}} {m[2]} " if m[1] else f" {m[2]} ", text)
    else:
        text = _THIN.sub(",", text)
    if "\\" in text or "=" in text:
        for pattern, replacement in _SYNONYMS:
            text = pattern.sub(replacement, text)
    if "binary" in text or "octal" in text or "hexadecimal" in text:
        text = _IN_SYSTEM.sub(lambda m: f" in base {_SYSTEMS[m[1].lower()]}", text)
    if "mod" in text:
        text = _MODULO.sub(lambda m: f"\\pmod{{{(m[1] or m[2] or m[3] or m[4] or '').strip()}}}", text)
    if "C" in text:
        text = _CHOSEN.sub(lambda m: f"\\binom{{{m[1] or m[3]}}}{{{m[2] or m[4]}}}", text)
    if "P" in text:
        text = _ARRANGED.sub(_arrangements, text)
    if "abs" in text:
        text = _ABSOLUTE.sub(r"|\1|", text)
    if "<" in text and (angular := _ANGULAR.fullmatch(text.strip(" .$"))):
        text = f"({angular[1]})"
    if "x" in text or "X" in text or "times" in text:
        text = _TIMES.sub(r" \\times ", text)
    if " " in text:
        text = _RAISED.sub(lambda m: {"squared": "^2", "cubed": "^3", "factorial": "!"}[m[1]], text)
        text = _SPOKEN_SIGN.sub(lambda m: f" {_SPOKEN[m[1]]} ", text)
    text = _dollars(text)
    text = _EDGES.sub("", text.replace("\n", " ")).strip()
    return quoted[2].strip() if (quoted := _QUOTED.fullmatch(text)) else text


def _arrangements(match: re.Match[str]) -> str:
    """How many ordered choices there are, as a quotient of factorials."""
    of, some = int(match[1] or match[3]), int(match[2] or match[4])
    return f"\\frac{{{of}!}}{{{of - some}!}}" if some <= of else "0"


def _compared(match: re.Match[str]) -> str:
    """A comparison in words as its sign."""
    signs = ("<", r"\le ") if match[1] in ("less", "smaller", "fewer") else (">", r"\ge ")
    return f" {signs[bool(match[2])]} "


def _dollars(text: str) -> str:
    """Dollars that come in pairs delimit math and go; one that is left alone is money."""
    if "$" not in text:
        return text
    text = text.replace("$$", " ")
    if text.count("$") % 2:
        return text.replace("$", CURRENCY)
    return text.replace("$", " ")


def top_level(text: str, separators: str) -> list[str] | None:
    """The parts of a text between separator characters that stand outside all brackets.

    Args:
        text: cleaned LaTeX.
        separators: the characters that separate, each by itself.

    Returns:
        The parts, at least one; None where brackets do not match: `[1, 2)` does, as an interval.
    """
    parts, depth, start, index = [], [], 0, 0
    while index < len(text):
        character = text[index]
        if character == "\\":
            if text.startswith((r"\begin", r"\{"), index):
                depth.append("b" if text.startswith(r"\begin", index) else "s")
            elif text.startswith((r"\end", r"\}"), index) and (
                not depth or depth.pop() != ("b" if text.startswith(r"\end", index) else "s")
            ):
                return None
            index += 2
            continue
        if character in "([":
            depth.append("(")
        elif character == "{":
            depth.append("{")
        elif character in ")]":
            if not depth or depth.pop() != "(":
                return None
        elif character == "}":
            if not depth or depth.pop() != "{":
                return None
        elif character in separators and not depth:
            parts.append(text[start:index])
            start = index + 1
        index += 1
    if depth:
        return None
    parts.append(text[start:])
    return parts
