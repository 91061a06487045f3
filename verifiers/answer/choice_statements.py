"""Finds what states a choice and nothing else: `option B is right`, `I would pick B`, `hence, B`, `C: correct`.

A label is found first, which is rare in a text, and then what stands before it and behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from verifiers.answer.choice_texts import any_of
from verifiers.answer.span import Span
from verifiers.answer.word_search import lowered, places

DENIED = re.compile(
    r"(?i)(?:\b(?:not|nor|neither|never|if|whether|cannot|unless|why)|n['’]t)\b[^.!?\n;:]{0,30}$"
    r"|\b(?:all|every\w*|each|any\w*)\b[^.!?\n;:]{0,30}\b(?:except|but)\s(?:for\s)?[(\[]?$"
)
_PREDICATE = (
    r"(?:(?:is|are|must be|would be|should be|seems|looks|appears|has to be)\s+"
    r"(?:(?:the|clearly|therefore|thus|also|then|indeed|definitely|our|most|only|likely|probably|more|to be)\s+){0,3}"
    r"(?:correct|right|best|better|preferable|true|answer|appropriate|accurate|suitable|logical|reasonable|likely"
    r"|plausible|probable|sensible|convincing|fitting|closest|winner|one(?!\s(?:\w+\s){0,2}(?:not|wrong|n['’]t|incorrect|false)))"
    r"|(?:fits|suits|matches|works|describes|answers)(?:\s+(?:best|better|well|perfectly|most|it|this|the|here)|(?=[.!]|\s*$))"
    r"|is\s+what\s+(?:i|we)(?:['’]d|\s+would|\s+will)?\s+(?:choose|pick|select|say|answer|go\s+with)"
    r"|remains|stands\s+out|is\s+(?:all\s+that\s+is\s+)?left|makes\s+(?:the\s+)?(?:most\s+)?sense)\b"
)
_PICKS = (
    r"\b(?:choose|choosing|pick|picking|select|selecting|selected|chose|go(?:ing)?\swith|opt(?:ing)?\sfor|settle\son"
    r"|vote\sfor|(?:falls?|fell|lands?|landed)\son|correspond(?:s|ing)?\sto|match(?:es|ing)?)\s+(?:is\s+|the\s+)?"
)
_LEADS = (
    r"\b(?:so|thus|hence|therefore|accordingly|consequently|i(?:['’](?:d|ll))?\s(?:think|believe|guess|say|answer|(?:would|will)\s(?:say|answer)|(?:would\s)?have\sto\ssay)"
    r"|it(?:'s|’s|\sis|\smust\sbe|\shas\sto\sbe|\sshould\sbe|\swould\sbe)|this\sis|that(?:'s|’s|\sis)"
    r"|leav(?:es|ing)(?:\sus\swith)?|left\swith|(?:looks|seems|feels)\s(?:like|to\sbe)|appears\sto\sbe|actually|conclusion:|verdict:|clearly|obviously|(?:my|final)\s(?:decision|selection):"
    r"|(?:option|choice|selection|letter|pick|guess|bet)\s*(?:is|was|:|=|(?:must|should|would|will|has\sto|would\shave\sto)\sbe)),?:?\s+"
    r"(?:(?:that\s)?it(?:'s|’s|\sis)\s+|only\s+)?"
)
_ENDS = r"[)\]\"']{0,2}(?:[.!,;:]|\s*$|\s*\n|\s+(?i:because|since|as|to\sme|for\sme)\b|\s*[-–—(])"
_RIGHT_MARK = r"[✅✓✔☑]|[:(=–—-]\s{0,2}(?:right|correct|true|yes)\b(?=[)\].,;!]|\s*$)"
"""What says, behind each of several options in turn, that this one is right."""
_PERSONS = r"students?|people|others?|most|many|some|they|everyone|everybody|beginners?"
_OTHERS = re.compile(
    rf"\b(?:{_PERSONS}|you)\s+(?:(?:would|might|may|often|will|just|usually)\s+){{0,2}}\Z",
    re.IGNORECASE,
)
"""Whose choice another than the writer's is: `most students pick B`."""
OTHERS_PICK = re.compile(
    rf"\b(?:{_PERSONS})\s+(?:\w+\s+){{0,2}}(?:choose|chose|pick|picked|select|selected)\s*[(\[]?\Z",
    re.IGNORECASE,
)
"""The same, with what they do."""
_CALLED_WRONG = re.compile(
    r"[)\]\"']{0,2}(?:,?\s(?:which|and\s(?:that|this|it)|but\s(?:that|this|it))|\.\s(?:that|this|it))"
    r"(?:(?:['’]s|\s(?:is|was|would\sbe))\s(?:\w+\s)?(?:wrong|incorrect|false|a\smistake|not\s(?:right|correct))|\s(?:is|was)n['’]t\s(?:right|correct))\b",
    re.IGNORECASE,
)
"""What turns down a choice behind it: `B, which is wrong`."""
_PICKED = re.compile(rf"(?i:{_PICKS})\Z")
_LED = re.compile(rf"(?i:{_LEADS})\Z")
_ENDING = re.compile(_ENDS, re.MULTILINE)
_OPTION_IS = re.compile(
    r"\b(?:option|choice|selection|one)(?:\s(?:that|which)\s[^.,;:!?\n]{1,40}?)?"
    r"\s*(?:is|was|:|=|must be|should be|would be)\s?:?\s*",
    re.IGNORECASE,
)
_CALLED = re.compile(r"(?:option|choice|selection|one|letter|pick|guess|bet)\b", re.IGNORECASE)
OF_ANOTHER = re.compile(
    r"(?i)\b(?:second|other|wrong|incorrect|worst|false)\s(?:option|choice|answer|letter|one|guess)\b[^.!?;\n]{0,20}\Z"
)
"""What calls a choice another than the answer: `the wrong option is`, `second choice:`."""
_OTHER_OPTION = re.compile(
    r"\b(?:first|second|third|fourth|other|wrong|incorrect|worst|not|next|another|no|every|each|this|that|any)\b",
    re.IGNORECASE,
)
_BEFORE_RIGHT = re.compile(
    r"(?P<clause>[^.!?\n,;:]{1,100}?)\s+(?:is|are)\s+(?:(?:clearly|definitely|obviously)\s+)?(?:the\s+)?\Z",
    re.IGNORECASE,
)
"""What stands before `correct` in a clause that calls something right."""
_RIGHT_WORD = re.compile(r"(?:correct|right|best)\b(?!\s+(?:if|only|when)\b)", re.IGNORECASE)
_REPORTED = re.compile(
    r"\b(?:doubt|deny|wonder|unsure|suppose|says?|claims?|some|others?|people|many|would)\b", re.IGNORECASE
)
"""What leaves open, or to others, that something is right."""
_CONCLUDED = re.compile(
    r"\b(?:so|thus|hence|therefore|leaves?(?:\s+us\s+with)?|leaving(?:\s+us\s+with)?|choose|pick|go\s+with),?\s+(?:it(?:'s|’s|\sis|\smust\sbe)\s+)?([^.!?\n]{1,80})(?=[.!]|\s*$)",
    re.IGNORECASE | re.MULTILINE,
)
SENTENCE_BREAK = re.compile(r"[.!?\n]")
_SENTENCE_END = re.compile(r"[.!?]+(?=\s|$)|\n")
_CALLS = ("option", "choice", "answer", "letter", "statement")
_WOULD = re.compile(r"\bwould\b", re.IGNORECASE)
_IF = re.compile(r"[^.!?\n]{0,40}?\bif\b", re.IGNORECASE)
_ALSO = re.compile(r"\balso\b", re.IGNORECASE)
_FARTHEST = 80
"""Characters before a label in which it is introduced."""


class StatementReader:
    """The patterns of statements about one row's labels.

    Args:
        labels: the choices' labels.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        any_label = any_of(labels)
        # A bare label counts inside a sentence where it is a letter; `a` and `i` only as the choices write them.
        bare = [label for label in labels if label.isalpha()]
        bare += [label.lower() for label in bare if len(label) == 1 and label.lower() not in ("a", "i", label)]
        letters = "|".join(map(re.escape, bare)) or "(?!)"
        initials = "".join({label[0] for label in bare})
        called = rf"(?i:\b(?:{'|'.join(_CALLS)})\s*[(\[\"']?\s?(?:{any_label})\b)"
        one = rf"(?:{called}|(?i:[(\[](?:{any_label})[)\]])|\b(?:{letters})(?![\w'’-]))"
        self.one = re.compile(one)
        self.opening = re.compile(rf"[(\[{initials}]")
        self.joined = re.compile(rf"\b({letters})\)?\s(?:and|or)\s\(?(?:(?:option|choice)\s)?\Z")
        self.judged = re.compile(
            rf"[)\]\"']{{0,2}}(?:(?:\s*[:,-]?\s(?:(?!{one})[^.!?\n,;()]){{1,60}}?,?)?\s+(?i:{_PREDICATE})"
            r"|\s+it\s+is(?=[.!,;:]|\s*$))",
            re.MULTILINE,
        )
        self.marked = re.compile(
            rf"(?:^[ \t>•*-]{{0,8}}|[,;:]\s|\b(?:option|choice)\s)[(\[*]{{0,3}}({any_label})(?![\w'’-])"
            rf"[^\n,;]{{0,60}}?(?:{_RIGHT_MARK})",
            re.IGNORECASE | re.MULTILINE,
        )

        self.in_chinese = re.compile(
            rf"(?<![A-Za-z0-9])({letters})[)）]?\s?(?:选项)?才?[是为]?(?:唯一|最)?(?:正确|对的|合适|佳|符合)"
        )
        spared = rf"(?:\s[a-z]+){{0,4}}\s(?:except|but|other\sthan)\s(?:for\s)?[(\[\"']?({any_label})[)\]\"']?\s"
        verb = r"(?:(?:is|are|was|were|can\sbe|must\sbe|have\sbeen)\s)?"
        self.spared = re.compile(
            rf"\b(?:all|every\w*|each){spared}{verb}(?:wrong|incorrect|false|excluded|eliminated|ruled\sout|rejected)\b"
            rf"|\bnone{spared}{verb}(?:right|correct|fits?|remains?)\b",
            re.IGNORECASE,
        )

    def statements(self, text: str) -> list[Span]:
        """What states a choice in a text, as spans of the label, or of the text that gives it.

        Args:
            text: a text without LaTeX's commands (`verifiers.answer.choice_texts.unwrapped`).
        """
        low = lowered(text)
        found: list[Span] = []
        for label in self._labels(text, low):
            if (statement := self._around(text, label)) is not None and not DENIED.search(
                text[max(0, statement.start - 40) : statement.start]
            ):
                found.append(statement)
        if any(mark in low for mark in ("right", "correct", "true", "yes", *"✅✓✔☑")):
            marked = [match for match in self.marked.finditer(text) if not DENIED.search(match[0])]
            if len({match[1].lower() for match in marked}) == 1:
                found.append(Span(marked[-1][1], "cue", marked[-1].start(1)))
        if (spared := self.spared.search(text)) is not None:
            found.append(Span(spared[spared.lastindex or 0], "cue", spared.start()))
        if not text.isascii():
            found += [Span(match[1], "cue", match.start(1)) for match in self.in_chinese.finditer(text)]
        return [*found, *_named(text, low)]

    def _labels(self, text: str, low: str) -> Iterator[re.Match[str]]:
        """Where a text has a label, in order, by itself or with a word such as `option` before it."""
        starts = {match.start() for match in self.opening.finditer(text)} | set(places(low, _CALLS))
        end = 0
        for start in sorted(starts):
            if start >= end and (label := self.one.match(text, start)):
                end = label.end()
                yield label

    def _around(self, text: str, label: re.Match[str]) -> Span | None:
        """The statement that a label stands in; None where it stands in none."""
        start = label.start()
        if _CALLED_WRONG.match(text, label.end()):
            return None
        for pattern, ends in ((_PICKED, None), (_LED, _ENDING)):
            lead = pattern.search(text, max(0, start - _FARTHEST), start)
            if pattern is _PICKED and lead and _OTHERS.search(text, max(0, lead.start() - 40), lead.start()):
                continue
            if lead and (ends is None or ends.match(text, label.end())) and not _of_another(text, lead):
                return Span(label[0], "cue", lead.start())
        judged = self.judged.match(text, label.end())
        if judged is None or (_WOULD.search(judged[0]) and _IF.match(text, judged.end())):
            return None
        other = self.joined.search(text, max(0, start - 20), start)
        if other is None and _ALSO.search(judged[0]):  # `A is right. B is also right.`
            before = list(self.one.finditer(text, max(0, start - 4 * _FARTHEST), start))
            other = before[-1] if before else None
            return Span(f"{other[0]} and {label[0]}" if other else label[0], "cue", start)
        return Span(f"{other[1]} and {label[0]}" if other else label[0], "cue", start)  # `A and B are correct`


def _named(text: str, low: str) -> Iterator[Span]:
    """What follows `the option is` and its kin."""
    for match in (_OPTION_IS.match(text, start) for start in places(low, ("option", "choice", "selection", "one"))):
        if match is None:
            continue
        if not _of_another(text, match):
            said = _SENTENCE_END.split(text[match.end() : match.end() + 300], maxsplit=1)[0]
            yield Span(said, "cue", match.end() - 1)


def _of_another(text: str, named: re.Match[str]) -> bool:
    """Whether what a match calls an option is another than the answer: `second choice: B`, `the wrong option is B`."""
    if not _CALLED.match(named[0]):
        return False
    before = SENTENCE_BREAK.split(text[max(0, named.start() - 40) : named.start()])[-1]
    return bool(_OTHER_OPTION.search(before))


def called_right(text: str) -> Iterator[tuple[int, str]]:
    """Where a text calls something right, and what stands before that in its clause.

    Args:
        text: any text.
    """
    for at in places(lowered(text), ("correct", "right", "best"))[-50:]:
        before = _BEFORE_RIGHT.search(text, max(0, at - 130), at) if _RIGHT_WORD.match(text, at) else None
        if before and not DENIED.search(before["clause"] + " ") and not _REPORTED.search(before["clause"]):
            yield before.start(), before["clause"]


def concluded(text: str) -> Iterator[tuple[int, str]]:
    """Where `so`, `thus` and their kin stand, and the end of the sentence that they begin.

    Args:
        text: any text.
    """
    for start in places(lowered(text), ("so", "thus", "hence", "therefore", "leav", "choose", "pick", "go with")):
        if match := _CONCLUDED.match(text, start):
            yield start, match[1]
