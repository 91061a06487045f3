"""Deduction over facts and rules in controlled English (ProntoQA, ProofWriter): the answer, and each step of the proof.

A proof is a list of statements, one a sentence or a line:

    Fae is a lepidopteran.          given
    Lepidopterans are insects.      a rule of the theory, and its premise is established
    Fae is an insect.               follows from the two, by one rule
    … So the answer is true.        the answer: what it says must be established

A statement is right where it is given by the theory or follows by *one* rule from statements made before it; one that
is true but skips over a needed premise is wrong, and so is whatever rests on a wrong step alone. By default the proof
must state the facts and rules that it uses (`premises="stated"`), and state a rule where it applies, after its
premises (`order="chained"`); so a proof with a step dropped, moved or replaced has a wrong step. `premises="given"`
lets it use the theory without stating it, `order="free"` takes premises in any order (`All cats purr. Tom is a cat.`).

`verifiers.deduction.english` says what is understood. A sentence outside it is an abstained step. Not there: proof by
contradiction and by cases, and negation as failure.
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

MAX_TEXT = 50_000
MAX_STATEMENTS = 300
"""Statements of a theory or a proof past which it is not judged."""

_SENTENCE = re.compile(r"(?:[^.\n!?;,]|,(?! (?:so|therefore|thus|hence)\b)|[.](?=\S))+")
_ANSWER = re.compile(
    r"^(?:the |final |correct )*(?:answer|statement|conclusion|claim|query)\b"
    r"|^(?:it is |this is )?(?:true|false|yes|no|unknown|uncertain)$"
)
_UNKNOWN = re.compile(
    r"\b(?:unknown|uncertain|undetermined|(?:can ?not|can't) be (?:determined|known|proven))\b[\s.*\"'”)]*$"
)
_SAYS = re.compile(r"(.+?)[\"”]? is (true|false)")


class Theory(NamedTuple):
    """A parsed context: its facts, its rules, all that follows from them, and the sentences not understood."""

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
    """Judge a deduction: the score is 1 where its answer is the gold, else 0; its steps apart from that.

    Args:
        prediction: the completion: a proof, an answer, or both. Without a stated answer, a proof of the query says
            `true` and one of its negation `false`.
        gold: `true`, `false` or `unknown` (also yes and no), or the label of a choice.
        context: the theory, sentences of controlled English.
        query: the statement asked about, with or without the words of the question around it. An answer of true or
            false that the proof has not established is then one more step, a wrong one.
        choices: `[{"label": …, "text": …}]` where the gold is a label.
        premises: `stated` or `given`, see the module.
        order: `chained` or `free`, see the module.

    Returns:
        Judged, with `extracted` the answer. Abstained where the gold is none of the three, or the text is longer than
        50,000 characters or the theory or proof than 300 statements. Where a sentence of the theory is not
        understood, a step that does not follow from the rest is abstained, for it may follow from that.

    Raises:
        ValueError: `premises` or `order` is no such thing.
    """
    if premises not in ("stated", "given") or order not in ("chained", "free"):
        raise ValueError(f"premises is 'stated' or 'given', order 'chained' or 'free', not {premises!r} and {order!r}")
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
    """Parse a context and work out all that follows from it."""
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
    """What a theory says of a statement: `true`, `false` or `unknown`, in the open world.

    Args:
        theory: facts, rules, and what follows from them.
        asked: the statement.
    """
    if asked in theory.closure:
        return "true"
    return "false" if asked.negated() in theory.closure else "unknown"


def is_answer(text: str) -> bool:
    """Whether a sentence only gives the answer, and is no step."""
    text = plain(text)
    return bool(_ANSWER.match(text)) or bool(_SAYS.fullmatch(text))


class _Proof:
    """What a proof has stated so far; each statement is judged against it, then added."""

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
        """One sentence of the proof, judged against what was stated before.

        Args:
            start: the sentence's first character in the completion.
            end: one past its last character.
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
        """Whether a statement is right here; if it is, it may be used from here on."""
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
    """Forward chaining to the end; each round adds a literal, and there are finitely many."""
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
    """The sentences of a text with their spans; numbers of a list alone are none."""
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
    """`true`, `false` or `unknown` as a text states it last; None where it states none."""
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
    """The text of the choice that a completion gives by its label at its end."""
    if not choices:
        return None
    labels = "|".join(re.escape(choice["label"]) for choice in choices)
    match = re.search(rf"(?:^|answer(?: is)?:?\s|[\s(])\(?({labels})\)?[.\s]*$", prediction[-100:])
    return _label_text(match[1], choices) if match else None
