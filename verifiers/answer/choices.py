"""Reads choices in a text, by label (`B`, `(b)`, `option B`) or by text: stated, on a line of its own, or mentioned.

`verifiers.choice` says in which order these count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from verifiers.answer.choice_lists import JudgedListReader, PlaceReader
from verifiers.answer.choice_statements import (
    DENIED,
    OF_ANOTHER,
    OTHERS_PICK,
    StatementReader,
    called_right,
    concluded,
)
from verifiers.answer.choice_texts import all_or_none, amounts, any_of, compact, spelt, unwrapped
from verifiers.answer.normal import normalised
from verifiers.answer.reader import last_line, stated
from verifiers.answer.span import Span

TAIL = 8_000
"""Characters in which statements and mentions are looked for, from the end."""

_NO_MORE = r"(?![^\W぀-ヿ一-鿿가-힣]|['’-])"
"""No word goes on here; languages without spaces may begin the next."""
_OPEN, _CLOSE = r"[(\[<*_\"'“‘«`]{0,4}", r"[)\]>*_\"'”’»`]{0,4}"
EMPTY_WORDS = re.compile(
    r"(?:\s|correct|right|wrong|incorrect|clear|obvious|below|above|as follows|given|shown|found|here|therefore|thus"
    r"|the|is|now|to|one|choice|option|[^\w])*",
    re.IGNORECASE,
)
"""A statement that names no answer, so that what else names one may be read: `the answer is clear`."""
_BULLET = re.compile(r"^(?:[-–—]\s|[^\w\s(\[{$\\.,:;\"'“‘«`*_+−-])\s*")
_LEAD = re.compile(
    r"^(?:\s|[:,]|(?:so|thus|hence|therefore|then|option|choice|answer|letter|it is|it's|that|that is|i think"
    r"|i believe|clearly|definitely|probably|likely|most likely|simply|indeed|number|the)\b(?!\s*[)\].]))*",
    re.IGNORECASE,
)
_COMPUTED = re.compile(r"[-$(]?[0-9][-+*/×÷x().,$ 0-9]{1,80}=\s*([^=]{1,40}?)[\s.!]*$")
"""A computation, of which what it comes to is the answer: `12 + 6 = 18`."""
_REJECTED = re.compile(
    r"(?:\b(?:not|rather than|instead of|unlike|except|excluding|neither|nor|doubt|ruling out|rules out|eliminat\w+)"
    r"|n['’]t(?: be)?)\s(?:(?!\bbut\b)[^,.;:!?\n]){0,200}"
    r"|\b(?:every\w*|any\w*|all|nothing|none|each)\s(?:\w+\s){0,2}(?:but|except|save|apart\sfrom)\s[^,.;:!?\n]{0,200}"
    r"|\b[^.,;:!?\n]{1,60}\?\s(?:no|nope|wrong|false)\b"
    r"|\b[^.,;:!?\n]{1,60}\s(?:is|are|was|were)\s(?:(?:also|clearly|definitely)\s)?(?:wrong|incorrect|false|impossible|excluded"
    r"|eliminated|ruled\sout|not\s(?:right|correct|it|the\s(?:correct\s|right\s)?(?:answer|one|choice)))\b"
    r"|\b(?:eliminated|rejected|ruled\sout|wrong|incorrect|false)(?:\s(?:options?|choices?|answers?))?:[^.;!?\n]{0,200}",
    re.IGNORECASE,
)
"""A choice that is mentioned in order to be turned down."""


NO_LABEL = (
    r"(?-i:a)\s+[A-Za-z]|I(?:['’]|\s(?:am|was|believe|think|guess|suppose|would|know|have|had|feel|mean|assume|conclude|can"
    r"|will|chose|choose|pick)\b)"
)
"""An article and a pronoun, which are labels nowhere: `the answer is B, a city`, `it is G, I believe`."""
_TURNED_DOWN = (
    r"\s(?:is|was|can\sbe|must\sbe)\s(?:(?:also|definitely|clearly|therefore)\s)?"
    r"(?:out|wrong|incorrect|false|not|eliminated|excluded|ruled\sout|impossible)\b|\s(?:isn|can)['’]t\b"
)
_AFTER_LABEL = re.compile(
    r"\s?[.,:;)\-–—([=。、，぀-ヿ一-鿿가-힣]|\s+(?:because|since|as|for|which|is|with|given|due)\b"
)
"""What may follow a bare label that answers."""
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|\n")
_GIVEN = re.compile(
    r"(?:\s*[,;:–—-])?\s+(?:because|since|as|of\scourse|obviously|clearly|naturally|definitely|i\s(?:think|believe|guess|suppose))\b",
    re.IGNORECASE,
)
"""What follows an answer with which a text begins: a reason, or how sure it is."""


class ChoiceReader:
    """The patterns of one row's choices.

    Args:
        labels: the choices' labels.
        texts: their texts, in the same order.
        valued: the choices whose value a text that is nothing but a quantity has; None for any other text.
    """

    def __init__(self, labels: Sequence[str], texts: Sequence[str], valued: Callable[[str], set[int] | None]) -> None:
        self.valued = valued
        self.formulas = {form: index for index, text in enumerate(texts) if (form := compact(text))}
        self.collective = {kind: i for i, text in enumerate(texts) if " of " in text and (kind := all_or_none(text))}
        self.index = {label.lower(): index for index, label in enumerate(labels)}
        self.texts = [normalised(unwrapped(text)) for text in texts]
        if len(set(self.texts)) < len({normalised(text) for text in texts}):
            self.texts = [normalised(text) for text in texts]
        in_words = [spelt(text) for text in self.texts]
        self.plain = normalised
        if len(set(in_words)) == len(set(self.texts)):  # unless `2` and `two` are different choices
            self.texts = in_words
            self.plain = lambda text: spelt(normalised(text))
        self.amounts = amounts(self.texts)
        any_label = any_of(labels)
        self.label = re.compile(rf"{_OPEN}({any_label})\s?{_CLOSE}{_NO_MORE}", re.IGNORECASE)
        self.bracket = re.compile(rf"[(\[]({any_label})[)\]]", re.IGNORECASE)
        self.alone = re.compile(
            rf"(?:[=-]+>|[→⇒])?[\s(\[<*_\"'“]{{0,6}}(?:(?:answer|statement|sentence|picture|figure|image|probably|maybe|perhaps|only)\s)?"
            rf"[(\[<*_\"'“]{{0,6}}({any_label})[\s)\]>*_\"'”.:?]{{0,6}}",
            re.IGNORECASE,
        )
        self.start = re.compile(
            rf"{_OPEN}(?:(?:choice|option)\s)?{_OPEN}({any_label})"
            r"(?:[)\]*_]{1,4}|[.:;,!)](?=\s)|\s[-–—]\s|(?=\s(?:because|since)\b))",
            re.IGNORECASE,
        )
        self.listing = re.compile(rf"[\s,;][(\[]?({any_label})(?:\)|\]|[:.)](?=\s))", re.IGNORECASE)
        self.end = re.compile(
            rf"(?:^|[\s.,:;!?])(?:[(\[*_\"]{{1,4}}({any_label})[)\]*_\"]{{1,4}}"
            rf"|(?:is|so|but|choose|pick|therefore|thus|option|choice|letter|select|answer|guess):?\s({any_label})|(?<=[.!?:,])\s({any_label}))[.!\s*_]{{0,6}}$",
            re.IGNORECASE,
        )
        self.before = re.compile(
            rf"(?:[(\[]({any_label})[)\]]|\b({any_label})(?=\s?(?:,|/|\bor\b|\band\b)))\s{{0,3}}(?:,|/|\bor\b|\band\b)?\s{{0,3}}$",
            re.IGNORECASE,
        )
        self.labelled = re.compile(
            rf"([^()\n]{{1,200}})\((?:option\s|choice\s|letter\s)?({any_label})\)", re.IGNORECASE
        )
        self.more = re.compile(
            rf"\s?(?:,\s?(?:or|and)\b|[,;/&]|\(?\bor\b|\band\b)\s?"
            r"(?:also |maybe |perhaps |possibly |(?:it|the answer)\s(?:might|may|could)(?:\salso)?\sbe\s)?"
            rf"(?!{NO_LABEL}){_OPEN}({any_label}){_CLOSE}(?![\w'’-]|\s(?:is|are|was)\s(?:wrong|incorrect|false|not|out)\b)",
            re.IGNORECASE,
        )
        self.stating = StatementReader(labels)
        self.places = PlaceReader(labels, texts)
        self.lists = JudgedListReader(labels, texts)

    def statements(self, part: str) -> list[Span]:
        """The statements that only a choice has, as spans of the label or text that they give."""
        offset = max(0, len(part) - TAIL)
        text = unwrapped(part[offset:], keep_length=True)
        found = [span._replace(start=offset + span.start) for span in self.stating.statements(text)]
        for start, said in concluded(text):
            if self.plain(said) in self.texts:
                found.append(Span(said, "cue", offset + start))
        for start, clause in called_right(text):
            plain = f" {self.plain(clause)}"
            if said := [choice for choice in self.texts if len(choice) > 2 and plain.endswith(f" {choice}")]:
                found = [span for span in found if span.start != offset + start]  # the `A` of `A maple is best`
                found.append(Span(max(said, key=len), "cue", offset + start))
        return found[-16:]

    def within(self, span: Span) -> set[int]:
        """The choices that a stated answer gives."""
        if span.rule == "tag" and "\n" in span.text:
            for inner in stated(span.text):
                if found := self.at(unwrapped(inner.text)):
                    return found
            return self.at(unwrapped(last_line(span.text)))
        return self.at(unwrapped(span.text))

    def at(self, text: str, *, whole: bool = False) -> set[int]:
        """The choices at the beginning of a text, by label or by text.

        Args:
            text: a stated answer or a line, unwrapped (`unwrapped`).
            whole: nothing but the choice may stand in the text.

        Returns:
            The indices of the choices: none, one, or all those that the text offers.
        """
        line = text.strip().split("\n", 1)[0][:400].strip() if not whole else text.strip()
        line = _BULLET.sub("", line)
        plain = self.plain(line[:400])
        if exact := {index for index, choice in enumerate(self.texts) if choice and choice == plain}:
            return exact  # before labels: a choice may read `B and D`
        if not whole:
            line = _LEAD.sub("", re.sub(r"(?i)^not\s[^.\n]{1,60}?\bbut\s", "", line), count=1)
        line = re.sub(r"^(?:both|either)\s", "", line, flags=re.IGNORECASE)
        if (sum_ := _COMPUTED.match(line)) and self.plain(sum_[1]) in self.texts:
            line = sum_[1]
        plain = self.plain(line[:400])
        if exact := {index for index, choice in enumerate(self.texts) if choice and choice == plain}:
            return exact
        if self.formulas and (index := self.formulas.get(compact(line))) is not None:
            return {index}
        if self.collective and (index := self.collective.get(all_or_none(line))) is not None:
            return {index}
        if match := self.label.match(line):
            rest = line[match.end() :]
            found = {self.index[match[1].lower()]}
            bare = match.group() == match[1]
            while more := self.more.match(rest):
                found.add(self.index[more[1].lower()])
                rest = rest[more.end() :]
            # a bare `a` may be an article: `the answer is a dog`
            ends = not rest.strip(" .!)*_\"'”}`") or bool(_AFTER_LABEL.match(rest))
            same_text = self.texts[next(iter(found))] == self.plain(rest)
            if ends or same_text or not bare:
                restated = self.plain(rest.lstrip(" .:,)-–—"))
                if not whole or not rest.strip(" .!)*_\"'”}`") or restated in self.texts:
                    return found
        if (same_value := self.valued(line)) is not None:
            return same_value
        if whole:
            return self.places.at(line) or self._in_another_number(plain)
        starting = {index for index, choice in enumerate(self.texts) if choice and f"{plain} ".startswith(f"{choice} ")}
        longest = max((len(self.texts[index]) for index in starting), default=0)
        starting = {index for index in starting if len(self.texts[index]) == longest}
        if starting:
            rest = f" {plain[longest:]} "
            if (labelled := self.labelled.match(line)) and self.plain(labelled[1]) in self.texts:
                starting |= {self.index[labelled[2].lower()]}  # `Paris (option B)`
            if re.match(r"\s+(?:or|and)\s", rest):
                starting |= {i for i, choice in enumerate(self.texts) if choice and f" {choice} " in rest}
            return starting | self.listed(line)
        sentence = re.split(r"[.!?](?:\s|$)", line, maxsplit=1)[0]
        return self.bracketed(sentence) or self.mentioned(sentence) or self.set_off(sentence) or self.places.at(text)

    def _in_another_number(self, plain: str) -> set[int]:
        """The one choice that a line gives in the plural, or in the singular: `banks` for `bank`."""
        same = {i for i, text in enumerate(self.texts) if text and plain.rstrip("s") == text.rstrip("s")}
        return same if len(same) == 1 and len(plain) > 3 else set()

    def listed(self, line: str) -> set[int]:
        """The choices whose texts make up a line's first sentence, two at least; empty where anything else is in it."""
        rest = self.plain(_SENTENCE_END.split(line[:400], maxsplit=1)[0])
        found: set[int] = set()
        while rest:
            following = [index for index, text in enumerate(self.texts) if text and f"{rest} ".startswith(f"{text} ")]
            if not following:
                return set()
            index = max(following, key=lambda index: len(self.texts[index]))
            found.add(index)
            rest = re.sub(r"^(?:(?:and|or)\s)+", "", rest[len(self.texts[index]) :].strip())
        return found if len(found) > 1 else set()

    def on_a_line(self, part: str) -> set[int]:
        """The choice that a line of its own gives: the last line, the first, or any that is a label alone."""
        lines = [
            unwrapped(line).strip()
            for line in (part[:TAIL] + "\n" + part[-TAIL:] if len(part) > TAIL else part).split("\n")
        ]
        lines = [line for line in lines if line]
        if not lines:
            return set()
        listed = len(lines) > 1 and self.offers(*lines[-2:])
        if len(lines[-1]) <= 400 and not listed and (found := self.at(lines[-1], whole=True)):
            return found
        if found := self.set_off(lines[-1]):
            return found
        first = lines[0]
        offered = len(lines) > 1 and self.offers(first, lines[1])
        if len(first) <= 400 and not offered and (found := self.at(first, whole=True)):
            return found
        for line in reversed(lines):
            if len(line) <= 20 and (match := self.alone.fullmatch(line)):
                return {self.index[match[1].lower()]}
        if (given := _GIVEN.search(first[:400])) and (plain := self.plain(first[: given.start()])) in self.texts:
            return {index for index, text in enumerate(self.texts) if text == plain}
        if (match := self.start.match(first)) and not (
            offered or self.goes_on(first, match) or self.turned_down(part, match[1])
        ):
            found = {self.index[match[1].lower()]}
            if more := self.more.match(first[match.end() :]):
                found.add(self.index[more[1].lower()])
            return found
        return set()

    def offers(self, line: str, following: str) -> bool:
        """Whether two lines write out the options, in their order.

        Args:
            line: a line, unwrapped.
            following: the one after it.
        """
        labels = [match[1].lower() for match in map(self.start.match, (line, following)) if match]
        return len(labels) == 2 and self.index[labels[0]] <= self.index[labels[1]]

    def goes_on(self, line: str, first: re.Match[str]) -> bool:
        """Whether a line goes on to write out the next option: `A: water, B: plant`.

        Args:
            line: a line, unwrapped.
            first: the label that it begins with.
        """
        following = self.index[first[1].lower()] + 1
        return any(self.index[match[1].lower()] == following for match in self.listing.finditer(line, first.end()))

    def turned_down(self, part: str, label: str) -> bool:
        """Whether a text says of a label that it is wrong: `A. Paris is in France, so A is out`.

        Args:
            part: an answering part.
            label: the label, as the text writes it.
        """
        return bool(re.search(rf"\b{re.escape(label)}[)\]*_]{{0,4}}{_TURNED_DOWN}", part[:TAIL]))

    def set_off(self, line: str) -> set[int]:
        """The label, set off from it, that a line ends with."""
        line = _REJECTED.sub(" ", line)
        match = self.end.search(line, max(0, len(line) - 80))
        if (
            match
            and not OF_ANOTHER.search(line, 0, match.start(match.lastindex or 0))
            and not OTHERS_PICK.search(line, 0, match.start(match.lastindex or 0))
            and not DENIED.search(line[max(0, match.start() - 40) : match.end(0) - 1].rpartition(" ")[0] + " ")
        ):
            found = {self.index[(match[1] or match[2] or match[3]).lower()]}
            if before := self.before.search(line[max(0, match.start() - 20) : match.start() + 1]):
                found.add(self.index[(before[1] or before[2]).lower()])
            return found
        return set()

    def bracketed(self, text: str) -> set[int]:
        """All labels in brackets, but for those turned down."""
        return {self.index[match[1].lower()] for match in self.bracket.finditer(_REJECTED.sub(" ", text))}

    def mentioned(self, text: str) -> set[int]:
        """The choices whose text stands in a text outside the text of a longer choice, but for those turned down."""
        plain = f" {self.plain(_REJECTED.sub(' ', text))} "
        found: set[int] = set()
        for index in sorted(range(len(self.texts)), key=lambda i: -len(self.texts[i])):
            choice = self.texts[index]
            if choice and f" {choice} " in plain:
                found.add(index)
                plain = plain.replace(f" {choice} ", "  ")
        return found or {index for index, amount in enumerate(self.amounts) if f" {amount} " in plain}
