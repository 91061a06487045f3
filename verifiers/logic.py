"""Deduction over facts and rules in controlled English (ProntoQA, ProofWriter): the answer, and each step of the proof.

A proof is a list of statements, one per sentence or line:

    Fae is a lepidopteran.          given
    Lepidopterans are insects.      a rule of the theory, whose premise is established
    Fae is an insect.               follows from the two by one rule
    … So the answer is true.        the answer: its statement must be established

A statement is right if the theory gives it or if it follows by *one* rule from earlier statements. A statement that is
true but skips a needed premise is wrong, and so is one that rests only on wrong steps. By default the proof must state
the facts and rules that it uses (`premises="stated"`), and a rule must come after its premises (`order="chained"`); so
a proof with a step dropped, moved or replaced has a wrong step. `premises="given"` lets a proof use the theory without
stating it; `order="free"` accepts premises in any order (`All cats purr. Tom is a cat.`).

`verifiers.deduction.english` defines the English that is understood. A sentence outside it is an abstained step. Proof
by contradiction, proof by cases and negation as failure are not supported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from verifiers import boolean
from verifiers.answer.completion import answering_part
from verifiers.deduction.english import VARIABLE, Literal, Rule, Unparsed, plain, question, statements
from verifiers.verdict import Step, Verdict, abstained, judged

JUDGES_STEPS = True
OF_THE_ROW = ("query", "choices")

MAX_TEXT = 50_000
MAX_STATEMENTS = 300
"""Largest number of statements of a theory or a proof that is judged."""

_SENTENCE = re.compile(r"(?:[^.\n!?;,]|,(?! (?:so|therefore|thus|hence)\b)|[.](?=\S))+")
_ANSWER = re.compile(
    r"^(?:the |final |correct )*(?:answer|statement|conclusion|claim|query)\b"
    r"|^(?:it is |this is )?(?:true|false|yes|no|unknown|uncertain)$"
)
_UNKNOWN = re.compile(
    r"\b(?:unknown|uncertain|undetermined|unclear|undecided"
    r"|(?:can ?not|can't|could not) be (?:determined|known|decided|proven|inferred|concluded)"
    r"|(?:we|i|one) (?:do not|don't|can ?not|can't) (?:know|tell|say|determine|decide)"
    r"|there is not enough information|not enough information(?: is given)?)\b"
    r"(?: (?:from|by|with|given|based on|whether|if|to (?:say|tell|decide|determine)) [^.!?\n]{1,120})?[\s.*\"'”)]*$"
)
_SAYS = re.compile(r"(.+?)[\"”]? is (true|false)")


class Theory(NamedTuple):
    """A parsed context: its facts, its rules, everything that follows from them, and the sentences not understood."""

    facts: frozenset[Literal]
    rules: tuple[Rule, ...]
    closure: frozenset[Literal]
    unparsed: tuple[str, ...]


def verify(
    prediction: str,
    gold: str,
    *,
    context: str,
    query: str = "",
    choices: Sequence[Mapping[str, str]] | None = None,
    premises: str = "stated",
    order: str = "chained",
) -> Verdict:
    """Judge a deduction: the score is 1 if its answer is the gold, else 0; its steps are judged separately.

    Args:
        prediction: the completion: a proof, an answer, or both. Without a stated answer, a proof of the query means
            `true`, and a proof of its negation means `false`.
        gold: `true`, `false` or `unknown` (also yes and no), or the label of a choice.
        context: the theory, sentences of controlled English.
        query: the statement in question, with or without the question's other words. With a query, an answer of true
            or false that the proof has not established is an additional, wrong step.
        choices: `[{"label": …, "text": …}]` if the gold is a label.
        premises: `stated` or `given`, see the module.
        order: `chained` or `free`, see the module.

    Returns:
        Judged, with the answer in `extracted`. Abstained if the gold is none of the three, or the text is longer than
        50,000 characters, or the theory or proof longer than 300 statements. If a sentence of the theory is not
        understood, a step that does not follow from the others is abstained, because it may follow from that sentence.

    Raises:
        ValueError: `premises` or `order` has another value.
    """
    if premises not in ("stated", "given") or order not in ("chained", "free"):
        raise ValueError(f"premises is 'stated' or 'given', order 'chained' or 'free'; got {premises!r} and {order!r}")
    want = _answer(_label_text(str(gold), choices))
    if want is None:
        return abstained(f"the gold {str(gold)[:40]!r} is not true, false or unknown")
    pieces = list(_pieces(prediction)) if len(prediction) <= MAX_TEXT else []
    if len(prediction) > MAX_TEXT or len(context) > MAX_TEXT or len(pieces) > MAX_STATEMENTS:
        return abstained("the text is too long")
    theory = parse_theory(context)
    if len(theory.rules) + len(theory.facts) > MAX_STATEMENTS:
        return abstained("the theory is too long")
    asked = _asked(query)
    proof = _Proof(theory, premises, order)
    steps: list[Step] = []
    for start, end, text in pieces:
        if not is_answer(text):
            steps.append(proof.step(start, end, text))
    answering = answering_part(prediction)
    found = _answer(_stated_choice(answering, choices) or answering)
    if found is None and asked:
        found = "true" if asked in proof.known else "false" if asked.negated() in proof.known else None
    if asked and found in ("true", "false"):
        needed = asked if found == "true" else asked.negated()
        if needed not in proof.known:
            start, end = pieces[-1][:2] if pieces and is_answer(pieces[-1][2]) else (len(prediction),) * 2
            status = "abstained" if theory.unparsed else "judged"
            steps.append(Step(start, end, status, 0.0 if status == "judged" else None, "the answer is not proved"))
    if found is None:
        return judged(0.0, "no answer", steps=tuple(steps))
    right = found == want
    return judged(right, "right" if right else "another answer", extracted=found, steps=tuple(steps))


@lru_cache(maxsize=512)
def parse_theory(context: str) -> Theory:
    """Parse a context and derive everything that follows from it."""
    facts: set[Literal] = set()
    rules: list[Rule] = []
    unparsed: list[str] = []
    for _, _, text in _pieces(context):
        try:
            for rule in statements(text):
                if rule.premises:
                    rules.append(rule)
                else:
                    facts.add(rule.conclusion)
        except Unparsed:
            unparsed.append(text)
    if len(rules) + len(facts) > MAX_STATEMENTS:
        return Theory(frozenset(facts), tuple(rules), frozenset(facts), tuple(unparsed))
    return Theory(frozenset(facts), tuple(rules), _closure(facts, rules), tuple(unparsed))


def truth(theory: Theory, asked: Literal) -> str:
    """The truth of a statement in a theory, in the open world: `true`, `false` or `unknown`.

    Args:
        theory: the facts, the rules, and everything that follows from them.
        asked: the statement.
    """
    if asked in theory.closure:
        return "true"
    return "false" if asked.negated() in theory.closure else "unknown"


def is_answer(text: str) -> bool:
    """Whether a sentence only gives the answer and is not a step."""
    text = plain(text)
    return bool(_ANSWER.match(text)) or bool(_SAYS.fullmatch(text))


class _Proof:
    """The statements of a proof so far; each new statement is judged against them and then added."""

    def __init__(self, theory: Theory, premises: str, order: str) -> None:
        self.theory, self.order = theory, order
        self.known: set[Literal] = set()
        self.rules: set[Rule] = set()
        if premises == "given":
            self.known |= theory.facts
            self.rules |= set(theory.rules)
        self.stated: set[Rule] = set()
        self.names = {name for fact in theory.closure for name in fact.arguments}
        self.names |= {
            a for rule in theory.rules for literal in (*rule.premises, rule.conclusion) for a in literal.arguments
        }
        self.names.discard(VARIABLE)

    def step(self, start: int, end: int, text: str) -> Step:
        """One sentence of the proof, judged against the earlier statements.

        Args:
            start: index of the sentence's first character in the completion.
            end: index after its last character.
            text: the sentence.
        """
        try:
            said = statements(text)
        except Unparsed as error:
            return Step(start, end, "abstained", None, str(error))
        if all(rule in self.stated for rule in said):
            return Step(start, end, "abstained", None, "said before")
        reasons = [self.judge(rule) for rule in said]
        self.stated |= set(said)
        wrong = [reason for right, reason in reasons if not right]
        if wrong and self.theory.unparsed:
            return Step(start, end, "abstained", None, "it may follow from a sentence that was not understood")
        return Step(start, end, "judged", float(not wrong), wrong[0] if wrong else reasons[0][1])

    def judge(self, rule: Rule) -> tuple[bool, str]:
        """Whether a statement is right at this point, and the reason; if it is, later steps may use it."""
        if rule.premises:
            if rule not in self.theory.rules:
                return False, "not a rule of the theory"
            if self.order == "chained" and not any(_applies(rule, name, self.known) for name in self.names):
                return False, "a rule whose premises are not established yet"
            self.rules.add(rule)
            return True, "a rule of the theory"
        fact = rule.conclusion
        if fact in self.theory.facts:
            self.known.add(fact)
            return True, "given"
        for known in self.rules:
            if any(_applies(known, name, self.known) and known.conclusion.bound(name) == fact for name in self.names):
                self.known.add(fact)
                return True, "follows"
        if fact in self.theory.closure:
            return False, "true, but it skips over a premise"
        return False, "the opposite follows" if fact.negated() in self.theory.closure else "it does not follow"


def _applies(rule: Rule, name: str, known: Iterable[Literal]) -> bool:
    return all(premise.bound(name) in known for premise in rule.premises)


def _closure(facts: Iterable[Literal], rules: Sequence[Rule]) -> frozenset[Literal]:
    """Forward chaining until nothing new follows; it ends because there are finitely many literals."""
    known = set(facts)
    names = {name for fact in known for name in fact.arguments}
    names |= {a for rule in rules for literal in (*rule.premises, rule.conclusion) for a in literal.arguments}
    names.discard(VARIABLE)
    growing = True
    while growing:
        new = {rule.conclusion.bound(name) for rule in rules for name in names if _applies(rule, name, known)} - known
        known |= new
        growing = bool(new)
    return frozenset(known)


def _pieces(text: str) -> Iterable[tuple[int, int, str]]:
    """The sentences of a text with their spans; list numbers alone are not sentences."""
    for match in _SENTENCE.finditer(text):
        piece = match.group()
        if any(character.isalpha() for character in piece):
            start = match.start() + len(piece) - len(piece.lstrip(" ,\t"))
            yield start, match.start() + len(piece.rstrip()), piece.strip(" ,\t")


def _asked(query: str) -> Literal | None:
    try:
        return question(query) if query else None
    except Unparsed:
        return None


def _answer(text: str) -> str | None:
    """The last of `true`, `false` or `unknown` that a text states; None if it states none."""
    tail = text[-2000:].strip()
    if _UNKNOWN.search(tail.lower()):
        return "unknown"
    said = boolean.answer(tail)[0]
    return None if said is None else "true" if said else "false"


def _label_text(gold: str, choices: Sequence[Mapping[str, str]] | None) -> str:
    for choice in choices or ():
        if choice["label"].strip().lower() == gold.strip(" ().").lower():
            return choice["text"]
    return gold


def _stated_choice(prediction: str, choices: Sequence[Mapping[str, str]] | None) -> str | None:
    """The text of the choice whose label a completion gives at its end."""
    if not choices:
        return None
    labels = "|".join(re.escape(choice["label"]) for choice in choices)
    match = re.search(rf"(?:^|answer(?: is)?:?\s|[\s(])\(?({labels})\)?[.\s]*$", prediction[-100:])
    return _label_text(match[1], choices) if match else None
