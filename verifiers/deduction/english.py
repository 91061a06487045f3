"""Controlled English as logic: the facts, rules and questions of ProntoQA and ProofWriter.

    Sally is a butterfly.        Fae is not bony.            The cow likes the lion.
    Each insect is an arthropod. Arthropods are not bony.    All rough, smart things are kind.
    If someone is red and they visit the cat then they are not kind.

A literal is a sign, a predicate and one or two arguments; a rule has premises and a conclusion, with one variable at
most. A sentence outside this English raises `Unparsed` instead of being guessed at. Negation is explicit: a literal
that is neither stated nor derived is unknown (open world). Saulparov & He 2023 (ProntoQA, arXiv:2210.01240); Tafjord et
al. 2021 (ProofWriter, arXiv:2012.13048).
"""

from __future__ import annotations

import re
from typing import NamedTuple

VARIABLE = "?x"
MAX_SENTENCE = 400

_PRONOUNS = frozenset({"someone", "something", "they", "it", "he", "she", "somebody", "everyone", "everything"})
_HEADS = frozenset({"things", "people", "thing", "person", "persons", "ones"})
_IRREGULAR = {"mice": "mouse", "wolves": "wolf", "geese": "goose", "men": "man", "women": "woman", "children": "child"}
_CONNECTIVE = re.compile(
    r"^(?:so|therefore|thus|hence|then|and|also|now|next|first|second|finally|because|since"
    r"|we know(?: that)?|this means(?: that)?|it follows that|step \d{1,3}|\d{1,3}(?=[.):])|[-*•])(?![\w-])[\s,:.)]*",
    re.IGNORECASE,
)
_IS = re.compile(r"^(.+?) (is|are) (.+)$")
_DOES_NOT = re.compile(r"^(.+?) (?:does|do) not (\w+) (?:the )?(\w+(?: \w+)?)$")


class Unparsed(ValueError):
    """A sentence outside the controlled English."""


class Literal(NamedTuple):
    """`positive` predicate of `arguments`; an argument is a name or `VARIABLE`."""

    positive: bool
    predicate: str
    arguments: tuple[str, ...]

    def negated(self) -> Literal:
        """The literal with the other sign."""
        return Literal(not self.positive, self.predicate, self.arguments)

    def bound(self, name: str) -> Literal:
        """The literal with a name for the variable."""
        return Literal(self.positive, self.predicate, tuple(name if a == VARIABLE else a for a in self.arguments))


class Rule(NamedTuple):
    """A rule: the conclusion holds if all premises do; a fact has no premises."""

    premises: tuple[Literal, ...]
    conclusion: Literal


def statements(sentence: str) -> tuple[Rule, ...]:
    """The facts and rules that one sentence states; `Bob is big and kind` states two.

    Raises:
        Unparsed: the sentence is outside the controlled English.
    """
    text = plain(sentence)
    if not text or len(text) > MAX_SENTENCE:
        raise Unparsed("empty or too long")
    if match := re.fullmatch(r"if (.+?),? then (.+)", text):
        premises = tuple(_clauses(match[1]))
        return tuple(Rule(premises, conclusion) for conclusion in _clauses(match[2]))
    if match := re.fullmatch(r"(?:every|each|any|all|a|an) (.+?) (?:is|are) (.+)", text):
        plural = " are " in text
        return _about(match[1], match[2], plural, negative=False)
    if match := re.fullmatch(r"no (.+?) (is|are) (.+)", text):
        return _about(match[1], match[3], match[2] == "are", negative=True)
    if (match := re.fullmatch(r"(.+?) are (.+)", text)) and match[1] not in _PRONOUNS:
        return _about(match[1], match[2], True, negative=False)
    facts = _clauses(text)
    if any(VARIABLE in fact.arguments for fact in facts):
        raise Unparsed("the subject is missing")
    return tuple(Rule((), fact) for fact in facts)


def plain(sentence: str) -> str:
    """A sentence in lower case without connectives at its start, quotes, and the full stop."""
    text = " ".join(sentence[: 2 * MAX_SENTENCE].replace("**", "").strip(" \t\n\"“”'`").split())
    for _ in range(4):
        shorter = _CONNECTIVE.sub("", text, count=1)
        if shorter == text:
            break
        text = shorter
    return text.strip().rstrip(".!, ").strip('"“” ').lower()


def question(text: str) -> Literal:
    """The statement that a true-or-false question is about.

    Raises:
        Unparsed: the question is not about a single positive or negative fact.
    """
    quoted = re.findall(r"[\"“]([^\"“”]{1,400})[\"”]", text)
    rest = quoted[-1] if quoted else re.split(r"[?:]", text.strip().rstrip("?"))[-1]
    stated = statements(rest)
    if len(stated) != 1 or stated[0].premises:
        raise Unparsed("not a question about one fact")
    return stated[0].conclusion


def _about(subject: str, complement: str, plural: bool, *, negative: bool) -> tuple[Rule, ...]:
    """The rules of `SUBJECT is/are COMPLEMENT` whose subject is a class."""
    words = subject.split()
    if words[-1] in _HEADS:
        parts = [part for part in re.split(r",? and |, ", " ".join(words[:-1])) if part]
        if not parts:
            raise Unparsed("things in general")
        premises = tuple(Literal(not part.startswith("not "), part.removeprefix("not "), (VARIABLE,)) for part in parts)
    else:
        if " and " in subject or "," in subject or "the " in subject:
            raise Unparsed("a subject of several parts")
        premises = (Literal(True, singular(subject) if plural else subject, (VARIABLE,)),)
    literals = _predicates(VARIABLE, complement, plural)
    return tuple(Rule(premises, literal.negated() if negative else literal) for literal in literals)


def _clauses(text: str) -> list[Literal]:
    """The literals of `A is X and Y and it likes the Z`; a part without a verb has the subject before it."""
    literals: list[Literal] = []
    subject = ""
    for part in re.split(r",? and ", text):
        if match := _DOES_NOT.fullmatch(part):
            subject = _name(match[1])
            literals.append(Literal(False, _verb(match[2]), (subject, _name(match[3]))))
        elif (match := _IS.fullmatch(part)) and " the " not in f" {match[3]}":
            subject = _name(match[1])
            literals += _predicates(subject, match[3], match[2] == "are" and subject != VARIABLE)
        elif " the " in part.removeprefix("the "):
            left, _, thing = part.rpartition(" the ")
            words = left.removeprefix("the ").split()
            if len(words) < 2:
                raise Unparsed(f"no subject or no verb in {part[:60]!r}")
            subject = _name(" ".join(words[:-1]))
            literals.append(Literal(True, _verb(words[-1]), (subject, _name(thing))))
        elif subject and re.fullmatch(r"(?:not )?(?:an? )?[\w-]+(?: [\w-]+)?", part):
            literals += _predicates(subject, part, False)
        else:
            raise Unparsed(f"{part[:60]!r} is not understood")
    return literals


def _predicates(subject: str, complement: str, plural: bool) -> list[Literal]:
    literals = []
    for part in re.split(r",? and |, ", complement):
        positive = not part.startswith("not ")
        name = part.removeprefix("not ")
        article = re.match(r"an? ", name)
        name = name[article.end() :] if article else singular(name) if plural else name
        if not re.fullmatch(r"[\w'-]+(?: [\w'-]+){0,2}", name) or name.split()[0] in ("true", "false", "unknown"):
            raise Unparsed(f"{part[:60]!r} is not a predicate")
        literals.append(Literal(positive, name, (subject,)))
    return literals


def _name(text: str) -> str:
    text = text.removeprefix("the ").strip()
    if text in _PRONOUNS:
        return VARIABLE
    if not re.fullmatch(r"[\w'-]+(?: [\w'-]+)?", text) or text.split()[0] in ("is", "are", "not", "if", "the"):
        raise Unparsed(f"{text[:60]!r} is not a name")
    return text


def _verb(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def singular(noun: str) -> str:
    """The singular of a plural noun by spelling; a word that is not a plural is unchanged."""
    head, _, last = noun.rpartition(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif last.endswith("ies") and len(last) > 4:
        last = f"{last[:-3]}y"
    elif re.search(r"(?:us|ss|x|ch|sh)es$", last):
        last = last[:-2]
    elif last.endswith("s") and not last.endswith(("ss", "us", "is")):
        last = last[:-1]
    return f"{head} {last}".strip()
