r"""Answers of kinds that earlier lists did not have, as (verifier, completion, gold, score) and the fields of the row.

Marks that are not seen, full-width letters, second thoughts, numbers in words, quantities among choices, systems of
equations as people write them, and mathematics in plain text. Each kind has answers that must stay wrong, too.
"""

import importlib

import pytest

CITIES = ["Paris", "London", "Rome", "Madrid"]
TIMES = ["30 minutes", "45 minutes", "1 hour", "90 minutes"]
TREES = ["oak", "maple", "pine", "birch"]
PARTS = ["1/2", "1/3", "2/3", "3/4"]
FORMULAS = ["$x^2+1$", "$x^2-1$", "$(x+1)^2$", "$2x$"]
CLOSING = ["red", "blue", "all of the above", "none of the above"]
DECIMALS = ["0.5", "0.05", "5", "50"]

NUMERIC = [
    # what is not seen
    ("The answer is 4\u200b2.", "42", 1),
    ("\u200eThe answer is 42\u200f.", "42", 1),
    ("The answer is \u206642\u2069.", "42", 1),
    ("The answer is 4\ufe0f\u20e32\ufe0f\u20e3", "42", 1),
    ("The answer is 4\u202e2.", "42", 0),
    ("The answer is 4\u00002.", "42", 0),
    ("The answer is －7.", "-7", 1),
    ("The answer is ﹣7.", "7", 0),
    ("【42】", "42", 1),
    # no answer, or another one
    ("The answer is definitely not 42", "42", 0),
    ("The answer is never 42.", "42", 0),
    ("The answer is anything but 42.", "42", 0),
    ("The answer is no longer 42.", "42", 0),
    ("The answer is 40+.", "40", 0),
    ("The answer is 40 + 2", "42", 1),
    ("The answer is 41... hmm, let me recompute: 6*7 = 42. So 42.", "42", 1),
    ("The answer is 41. Let me redo it: 6 * 7 = 42.", "41", 0),
    ("The answer is 41. Actually, 42.", "42", 1),
    ("The answer is 41. Actually, 42.", "41", 0),
    ("The answer is 42. Actually, that was easy.", "42", 1),
    # words
    ("On the twenty-first of May.", "21", 1),
    ("On the twenty-first of May.", "20", 0),
    ("The answer is the twenty-fifth.", "25", 1),
    ("The answer is the twenty-fifth.", "4", 0),
    ("The answer is twelve point five.", "12.5", 1),
    ("The answer is twelve point five.", "12", 0),
    ("The answer is two point zero five.", "2.05", 1),
    ("The answer is nil.", "0", 1),
    # money
    ("The answer is 75 cents.", "$0.75", 1),
    ("The answer is 75 cents.", "$75", 0),
    ("The answer is $75.", "$75", 1),
    ("The answer is 75.", "$75", 1),
    ("The answer is 75 euros.", "$75", 0),
    # places
    ("<answer></answer>42", "42", 1),
    ("<answer>42<answer>", "42", 1),
    ("<answer>41<answer>42</answer>", "42", 1),
    ("<answer>The total cost is 42 dollars for 6 shirts</answer>", "42", 1),
    ("So there are 6 × 7 = 42 chairs in the 3 rooms.", "42", 1),
    ("He needs 3 rooms for the 42 chairs.", "42", 0),
    ("In total they collected 42 shells (Ann: 20, Ben: 22).", "42", 1),
    ("In total they collected 42 shells (Ann: 20, Ben: 22).", "22", 0),
    ("42 chairs are needed for 3 rooms.", "42", 1),
    ("After buying the 3 books she has $12 left out of her $50.", "12", 1),
    ("60 eggs, 12 in each of the 5 baskets.", "60", 1),
    ("The profit was $200, a 25% return.", "200", 1),
    ("The answer is a two-digit number.", "2", 0),
    ("The answer is either 42 or 43.", "42", 0),
    ("42 is not the answer.", "42", 0),
    ("42 is wrong.", "42", 0),
    ("42 is the answer.", "42", 1),
    ("42 (previously 17)", "42", 1),
    (r"\boxed{42\\}", "42", 1),
    (r"\boxed{42!}", "42", 0),
]
CHOICE = [
    (CITIES, "Ｂ", "B", 1),
    (CITIES, "Answer: \u200bB", "B", 1),
    (CITIES, "The answer is A. Hmm, actually B.", "B", 1),
    (CITIES, "The answer is A. Hmm, actually B.", "A", 0),
    (CITIES, "So my final choice would have to be B", "B", 1),
    (CITIES, "Most students pick B, which is wrong.", "B", 0),
    (CITIES, "Most students pick B.", "B", 0),
    (CITIES, "I pick B. That is a mistake.", "B", 0),
    (CITIES, "I pick B, which is right.", "B", 1),
    (CITIES, "London, of course; Paris is in France.", "B", 1),
    (CITIES, "London, because Paris is in France.", "B", 1),
    (CITIES, "Paris, since London is in France.", "B", 0),
    (CITIES, "Not London, because Paris is in France.", "B", 0),
    (TIMES, "45", "B", 1),
    (TIMES, "The answer is 60 minutes.", "C", 1),
    (TIMES, "The answer is 1.5 hours.", "D", 1),
    (TIMES, "an hour and a half", "D", 1),
    (TIMES, "The answer is 1 hour 30 minutes.", "D", 1),
    (TIMES, "The answer is 1 hour 30 minutes.", "C", 0),
    (TIMES, "The answer is 2 hours.", "C", 0),
    (PARTS, "0.75", "D", 1),
    (PARTS, "The answer is 50%.", "A", 1),
    (PARTS, "The answer is 1/4.", "D", 0),
    (FORMULAS, "The answer is $x^2 - 1$.", "B", 1),
    (FORMULAS, r"\boxed{x^2 - 1}", "B", 1),
    (FORMULAS, "The answer is $x^2 - 2$.", "B", 0),
    (CLOSING, "None of them.", "D", 1),
    (CLOSING, "The answer is none of these options.", "D", 1),
    (CLOSING, "All of these.", "C", 1),
    (CLOSING, "None of them.", "C", 0),
    (CITIES, "I believe Rome is correct, since Paris, London and Madrid are not in Italy.", "C", 1),
    (CITIES, "I doubt that Rome is correct.", "C", 0),
    (CITIES, "It is not true that Rome is correct.", "C", 0),
    (CITIES, "Paris is French, London is British, Madrid is Spanish. That leaves Rome.", "C", 1),
    (CITIES, "Could it be Rome?", "C", 0),
    (CITIES, "Rome is wrong.", "C", 0),
    (CITIES, "Paris is wrong. Rome.", "C", 1),
    (CITIES, "Answer: C (or D)", "C", 0),
    (CITIES, "Answer: C; D is wrong", "C", 1),
    (TREES, "A maple is best.", "B", 1),
    (TREES, "A maple is best.", "A", 0),
    (CITIES, "The answer is Rome (option B).", "C", 0),
    (CITIES, "The answer is Rome (option B).", "B", 0),
    (CITIES, "The answer is Rome (option C).", "C", 1),
    (CITIES, "The answer is option C (Paris).", "C", 1),
    (CITIES, "The answer is C (Rome), not A (Paris).", "C", 1),
    (CITIES, "The answer is Paris or London.", "A", 0),
    (CITIES, '{"A": false, "B": false, "C": true, "D": false}', "C", 1),
    (CITIES, "Eliminate A, B, D. Answer C.", "C", 1),
    (DECIMALS, "The answer is 0.5 or 0.05", "A", 0),
    (DECIMALS, ".5", "A", 1),
    (DECIMALS, ".5", "C", 0),
    (DECIMALS, "5%", "B", 1),
]
BOOLEAN = [
    ("ｙｅｓ", "yes", 1),
    ("Far from it.", "no", 1),
    ("It is wrong to say that he could not.", "yes", 1),
    ("It is wrong to say that he could not.", "no", 0),
    ("It would be wrong to claim he could.", "no", 1),
    ("Final: True\nReason: it is false that cats bark.", "true", 1),
    ("Label: no", "no", 1),
    ("That's a false claim.", "no", 1),
    ("That's a true statement.", "yes", 1),
    ("That's a true statement that dogs bark.", "no", 0),
    ("True or False? False", "false", 1),
    ("True or False?", "false", 0),
    ("The evidence suggests yes", "yes", 1),
    ("I lean towards no.", "no", 1),
    ("Aye.", "yes", 1),
    ("Nay", "no", 1),
    ("Unlikely.", "no", 1),
    ("Nothing is true.", "yes", 0),
    ("I disagree.", "no", 1),
    ("Most likely.", "yes", 1),
    ("Not that I know of.", "no", 1),
    ('The answer is a clear "no".', "no", 1),
    ("The answer is an emphatic yes.", "yes", 1),
    ("So the claim holds true.", "yes", 1),
    ("So the claim does not hold.", "no", 1),
]
EXACT = [
    ("The answer is Pari\u200bs", "Paris", 1),
    ("Answer: C#", "C", 0),
    ("Answer: C#", "C#", 1),
    ("Answer: 5%", "5", 0),
    ("Answer: 5 %", "5%", 1),
    ("Answer: .5", "5", 0),
    ("Answer: .5", "0.5", 1),
    ("It was Marie Curie.", "Marie Curie", 1),
    ("Answer: <Marie Curie>", "Marie Curie", 1),
]
SYSTEMS = [
    ("x = 3\ny = 2x\nanswer = y", "6", 1),
    ("Let x = 3\ny = 2(x + 1)\nanswer = y", "8", 1),
    ("x=3;\ny=2*x;\nanswer=y;", "6", 1),
    ("x = 3, y = 2*x\nanswer = y", "6", 1),
    ("1. x = 3\n2. y = 2*x\n3. answer = y", "6", 1),
    ("- x = 3\n- answer = x", "3", 1),
    ("- x = 3\n- answer = x", "-3", 0),
    ("-x = 3\nanswer = x", "-3", 1),
    ("$x = 3$\n$y = 2x$\n$answer = y$", "6", 1),
    ("x = 6 ÷ 4\ny = x × 2\nanswer = y", "3", 1),
    (r"\(x = 3 \times 2\)" "\nanswer = x", "6", 1),
    ("x = 10%\nanswer = x * 50", "5", 1),
    ("x = 1,000\nanswer = x", "1000", 1),
    ("x = 2*3 = 6\nanswer = x", "6", 1),
    ("x = 2*3 = 7\nanswer = x", "7", 0),
    ("The final answer = 6", "6", 1),
    ("x = 3 # apples\nanswer = x", "3", 1),
    ("x = 1e3\nanswer = x", "1000", 1),
]
MATH = [
    ("The answer is abs(-4)", "4", 1),
    ("The answer is abs(-4)", "-4", 0),
    ("The answer is 5!/(2!3!)", "10", 1),
    ("The answer is <1, 2>", r"\langle 1, 2\rangle", 1),
    ("The answer is <1, 3>", r"\langle 1, 2\rangle", 0),
    ("∴ x = 5", "5", 1),
    (r"\boxed{\therefore x = 5}", "5", 1),
    (r"\boxed{x := 5}", "5", 1),
    (r"\boxed{x \nleq 5}", "x > 5", 1),
    (r"\boxed{x \nleq 5}", r"x \le 5", 0),
    (r"\boxed{3\text{, }4\text{, }5}", "3, 4, 5", 1),
    (r"\boxed{{}_7P_2}", "42", 1),
    (r"\boxed{7P2}", "21", 0),
    (r"\boxed{n \in \mathbb{Z}}", r"\mathbb{Z}", 1),
    (r"\boxed{\text{all integers}}", r"\mathbb{Z}", 1),
    (r"\boxed{\text{all integers}}", r"\mathbb{R}", 0),
    (r"\boxed{f(x) = 2x + 3}", "y = 2x + 3", 1),
    (r"\boxed{f(t) = 2t + 3}", "y = 2x + 3", 0),
    (r"\boxed{25\text{¢}}", r"\$0.25", 1),
    (r"\boxed{n\pi}", r"k\pi, k \in \mathbb{Z}", 1),
    (r"\boxed{n\pi, n \in \mathbb{Z}}", r"k\pi, k \in \mathbb{Z}", 1),
    (r"\boxed{2n\pi, n \in \mathbb{Z}}", r"k\pi, k \in \mathbb{Z}", 0),
    (r"\boxed{n\pi, n \in \mathbb{N}}", r"k\pi, k \in \mathbb{Z}", 0),
    (r"\boxed{2^{n}3^{n}}", "6^n", 1),
    (r"\boxed{（１，２）}", "(1, 2)", 1),
    ("The answer is definitely not 5.", "5", 0),
    ("Hence the sum equals n(n+1)/2.", r"\frac{n(n+1)}{2}", 1),
    ("Hence the sum equals n(n+1)/2.", "2", 0),
    ("The number of pairs is n(n-1)/2 = 10.", "10", 1),
    ("5 is not the answer.", "5", 0),
    ("x is either 1 or 4.", "1, 4", 1),
    ("x is either 1 or 4.", "4", 0),
    ("The answer is floor(3.7)", "3.7", 0),
    ("The answer is cbrt(27)", "27", 0),
    ("The answer is Rational(1, 2).", "(1, 2)", 0),
    ("print(42)", "42", 1),
    ("No real solutions exist.", r"\text{no real solutions}", 1),
    (r"\boxed{42\\}", "42", 1),
    (r"\boxed{\{1, 2\}}", r"\{1, 2\}", 1),
]
CODE = [
    ('<pre><code class="language-python">def add(a, b):\n    return a + b\n</code></pre>', 1),
    ("<code>\ndef add(a, b):\n    if a &lt; b: return a + b\n    return b + a\n</code>", 1),
    ('<pre><code class="language-python">def add(a, b):\n    return a - b\n</code></pre>', 0),
]


def rows():
    for name, these in (("numeric", NUMERIC), ("boolean", BOOLEAN), ("exact", EXACT), ("math", MATH)):
        yield from ((name, *row, {}) for row in these)
    yield from (("equation_system", *row, {}) for row in SYSTEMS)
    yield from (("choice", *row, {"choices": choices}) for choices, *row in CHOICE)
    tests = ["assert add(1, 2) == 3", "assert add(2, 2) == 4"]
    yield from (("code", text, "", score, {"tests": tests}) for text, score in CODE)


@pytest.mark.parametrize(("name", "prediction", "gold", "score", "fields"), list(rows()))
def test_an_answer_is_judged_as_a_reader_would(name, prediction, gold, score, fields):
    assert importlib.import_module(f"verifiers.{name}").verify(prediction, gold, **fields).score == score


@pytest.mark.parametrize(("answer", "score"), [(r"a^{m}a^{n}", 1), (r"a^{m}b^{n}", 0), (r"(a^m)^n", 0)])
def test_powers_with_variable_exponents_are_compared_within_the_deadline(answer, score):
    from verifiers.runtime.verifier import Verifier

    (verdict,) = Verifier("math", workers=1)([{"prediction": rf"\boxed{{{answer}}}", "gold": "a^{m+n}"}])
    assert (verdict.status, verdict.score) == ("judged", score)


@pytest.mark.parametrize(
    "text",
    [
        "It cannot be determined from the facts.",
        "We do not know.",
        "There is not enough information.",
        "It is unclear.",
    ],
)
def test_what_cannot_be_known_is_unknown(text):
    from verifiers.logic import verify

    context = "Tom is a cat. Every cat is a mammal. Sam is a dog."
    assert verify(text, "unknown", context=context, query="Sam is a mammal.").score == 1.0
    assert verify(text, "false", context=context, query="Sam is a mammal.").score == 0.0
