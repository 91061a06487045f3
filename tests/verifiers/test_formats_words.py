r"""Choices, truths and texts in the forms that people and small models write; ↵ is a line break.

They were written from the rules of docs/verifiers.md, kind by kind.
"""

import pytest

from verifiers import boolean, choice, exact

CHOICES = [
    {"label": "A", "text": "water"},
    {"label": "B", "text": "a green plant"},
    {"label": "C", "text": "plant"},
    {"label": "D", "text": "two legs"},
]

GIVES_C = r"""
<answer>C</answer>
<answer>↵(C) plant↵</answer>
<answer>The answer is C.</answer>
C</answer>
<answer>C
**Answer:** C
**Answer: C**
**Answer**: (C)
### Answer↵↵C
**Final Answer:** **C**
Final answer: C) plant
Water is needed for A.↵↵C
Water helps.↵**C**
C↵↵Water is not a plant.
The answer is $C$.
$\boxed{\textbf{C}}$
\boxed{\textbf{(C) } plant}
\boxed{\text{C. plant}}
\[\boxed{C}\]
Option C is right, since water is not.
Water is wet. Option C is correct.
(C) is the correct answer. Water is not.
C is the right choice.
Hence, C.
Water is out, hence (C).
Therefore, the correct option is C.
I would choose option C over water.
Thus C.
The best choice is plant.
<think>the answer is A, water</think>↵C
<think>the answer is A, water</think>The answer is (C)
the answer is A, water</think>↵↵C
The answer is C.↵↵Question: what is wet?↵The answer is A
 C↵↵Q: what? (A) x (B) y↵A: (A)
C<|im_end|>↵<|im_start|>user↵A?
Options A and B are wrong, so it must be C.
A is incorrect because of water. B is not right. C is correct.
The answer is not A but C.
It's C.
The answer: C
answer = C
{"answer": "C"}
My final answer is C because A is water
The correct answer is option C: plant
The correct answer is: ↵↵C) plant
The correct answer is:↵↵**C) plant**↵↵Water (A) is not.
So the answer is (C) plant, not (A) water.
Among A, B, C and D, I'd go with C.
Looking at the options: (A) water (B) a green plant (C) plant (D) two legs. The right one is (C).
A) water↵B) a green plant↵C) plant↵D) two legs↵↵Answer: C
plant is the correct answer
C
c
(c)
c) plant
Answer - C
ANSWER: C
The answer to the question is C
The answer to this question about water is C
Correct answer: C
This matches option (C).
which leaves C.
We are left with (C).
The solution is C
`C`
[C]
Choice C
Option (C)
The answer is:↵C
Answer:↵↵C. plant
#### C
#### (C) plant
Hence the answer is C: plant (A is water).
Neither A nor B is correct. So C.
\boxed{}↵The answer is C
\(\boxed{C}\)
The answer is \(C\)
**C.** Plants, not water
**C) plant**
The answer is **C**. plant
The answer is *C*
The answer is __C__
I think the answer is C, but water is close.
C - plant
Answer is C
Ans: C
The letter is C
My choice: C
Therefore, option C (plant) is the best answer.
So, the final answer is:↵↵\[↵\boxed{C}↵\]
Conclusion: (C). Eliminated: (A), (B), (D).
A, B and D are incorrect, while C is correct.
The living thing is not water but plant.
<final>C</final>
<SOLUTION>C</SOLUTION>
{"reasoning": "It is not water (A).", "answer": "C"}
{'answer': 'C', 'confidence': 0.8}
{"choice": "C) plant"}
La respuesta correcta es C.
La bonne réponse est la C.
Правильный ответ — C
因此答案选C
故选：C
My answer is the third option, C.
Clearly C.
正解はCです。
The answer is A. No, wait: the answer is C.
Answer: A. Scratch that. Answer: C.
The answer is C. No other choice lives.
C it is
Option C seems most plausible.
Options A and B can be ruled out. Between C and D, C is better.
I went back and forth between A and D, but C it is.
Looks like C to me.
It seems to be C.
Option A: wrong, since it lives.↵Option B: wrong.↵Option C: right.↵Option D: wrong.
A ❌↵B ❌↵C ✅↵D ❌
Let's eliminate: A (no), B (no), C (yes), D (no).
Letter (C).
The option that fits is C.
The one which remains is C. plant
My choice: C↵My second guess: A
The answer is C.↵Another option is D
Having weighed A against C, C is more plausible.
D. Two legs are no living thing, so D can't be it. My pick lands on C.
B. A green plant is green, so B is ruled out. The one that is left is C.
C. plant↵↵A. Water is no living thing.
C) plant↵B) is too narrow.
C! It lives.
C since it lives, and A does not.
I'd have to say C.
I'll answer (C).
Of all of them, C stands out as the only living thing.
C is what we would pick.
Water? No. Two legs? No. Then plant.
"""

GIVES_NONE = r"""
Everything but C.
The answer is plant, water or two legs.
The answer is water, plant.
All of them except C.
{"answer": ["A", "C"]}
Eliminated: (C).
The answer is a dog. It drinks water.
A or C
The answer is either C or A
Option C is not right.
Both A and C are correct.
The answer is A, or C
A (yes), B (no), C (yes), D (no).
I would not choose C.
<think>C is right
C is wrong
The answer is not C.
\boxed{C
Is it C?
A. water↵C. plant
Second choice: C
The wrong option is C.
The incorrect answer is C.
A) water↵B) a green plant↵C) plant↵D) two legs
A: water, B: a green plant, C: plant, D: two legs
"""

TRUTHS = r"""
No↵Whales are mammals and breathe. ⇒ no
No↵↵Whales, yes, swim. ⇒ no
So, no, hamsters do not. ⇒ no
The answer to our question is no, because x. ⇒ no
It is not true. ⇒ no
It is not false. ⇒ yes
Thus, it is not true that hamsters fly. The answer is no ⇒ no
The statement is false. ⇒ no
The claim is not correct. ⇒ no
That is incorrect. ⇒ no
This is correct. ⇒ yes
Yes – whales are mammals. ⇒ yes
Nope. ⇒ no
So yes, they can. ⇒ yes
Therefore, yes. ⇒ yes
I'd say no. ⇒ no
I would answer yes. ⇒ yes
<answer>No</answer> ⇒ no
<answer>↵The statement is true.↵</answer> ⇒ yes
<think>yes, the answer is yes</think>No ⇒ no
No, they cannot. Is it true that dogs bark? Sure. ⇒ no
**Answer:** False ⇒ no
**Yes**, because ⇒ yes
Answer: No, because they... ⇒ no
The answer is:↵↵**No** ⇒ no
### Answer↵True ⇒ yes
$\boxed{\text{No}}$ ⇒ no
\boxed{False} ⇒ no
#### yes ⇒ yes
Final answer: True. ⇒ yes
the answer is no↵↵Q: can dogs bark?↵A: yes ⇒ no
yes↵↵Question: ...↵no ⇒ yes
Would the heavy weight be carried? No, it would break. It needs more. ⇒ no
So the answer would be yes. ⇒ yes
The correct answer is "no". ⇒ no
The answer is definitely no. ⇒ no
The answer is therefore yes ⇒ yes
Hence the claim is false. ⇒ no
Overall, no. ⇒ no
In conclusion, no, you can't. ⇒ no
True. ⇒ yes
false ⇒ no
FALSE ⇒ no
Answer: F ⇒ no
The answer is a resounding yes! ⇒ yes
which means no. ⇒ no
Yes they can. ⇒ yes
No it is not. ⇒ no
The statement "whales fly" is false. ⇒ no
The answer to the question "Can whales fly?" is no. ⇒ no
{"answer": false} ⇒ no
It's true. ⇒ yes
Thus the statement is not true. ⇒ no
not true ⇒ no
Not true. ⇒ no
Dogs bark. False. They do not meow. ⇒ no
The answer is Yes ⇒ yes
`no` ⇒ no
Yes. No lions live there. ⇒ yes
No.↵True lions live in Africa. ⇒ no
I think the answer is no since 5 > 3 ⇒ no
Conclusion: No ⇒ no
Verdict: true ⇒ yes
The answer: no ⇒ no
That statement is wrong. ⇒ no
The sentence is untrue ⇒ no
Correct ⇒ yes
the answer is: 'True' ⇒ yes
Hence, the conclusion is true ⇒ yes
Yes; whales swim. ⇒ yes
Yes, that's right. Dogs bark. ⇒ yes
No, that is not right. ⇒ no
The correct answer is: False ⇒ no
Therefore, the answer to the question is: Yes. ⇒ yes
I conclude that the statement is true. ⇒ yes
The given statement is not true. ⇒ no
So the statement is incorrect. ⇒ no
This statement is false because cats meow. ⇒ no
The answer is False. True would need dogs. ⇒ no
**True** ⇒ yes
True↵↵Explanation: it is false that... ⇒ yes
\boxed{\text{True}} ⇒ yes
$\boxed{\textbf{No}}$ ⇒ no
<answer> yes </answer> ⇒ yes
<answer>The answer is no.</answer> ⇒ no
Final verdict: No. ⇒ no
My answer: yes ⇒ yes
Absolutely not. So no. ⇒ no
In short, yes. ⇒ yes
Hence, it is false. ⇒ no
That would be true. ⇒ yes
Thus, it's false. ⇒ no
The hypothesis is true ⇒ yes
The answer is "Yes" ⇒ yes
Answer: Yes, whales are mammals, no fish are. ⇒ yes
no ⇒ no
NO. ⇒ no
Yes ⇒ yes
Answer:↵No ⇒ no
The answer is: **No**. ⇒ no
The final answer is $\boxed{Yes}$ ⇒ yes
So the answer is no, it can't. ⇒ no
The answer should be yes ⇒ yes
Yes it would. ⇒ yes
No, because no dogs fly. ⇒ no
Yes. This is true. ⇒ yes
False: 2+2 is 4 ⇒ no
Is it? Yes! It is. ⇒ yes
So no, not really. ⇒ no
I think yes. ⇒ yes
Not correct. ⇒ no
It isn't true. ⇒ no
That's not correct. ⇒ no
The claim isn't correct. ⇒ no
The statement cannot be true. ⇒ no
It must be false. ⇒ no
this is not the case, so the answer is no ⇒ no
Hence: yes ⇒ yes
-> yes ⇒ yes
Answer => no ⇒ no
The answer's no. ⇒ no
{"answer": "yes"} ⇒ yes
```↵True↵``` ⇒ yes
Final answer:↵↵**False** ⇒ no
[No] ⇒ no
(Yes) ⇒ yes
> No ⇒ no
1. Dogs bark.↵2. Cats do not.↵↵Conclusion: False. ⇒ no
Since 5 > 3, the statement is True. ⇒ yes
Therefore, Stella is not red is false. ⇒ no
I would say that the answer is no. ⇒ no
Hmm, yes. ⇒ yes
Well, no. ⇒ no
Of course not. No. ⇒ no
The answer is most likely no ⇒ no
The answer is probably yes. ⇒ yes
It is correct to say no ⇒ no
Yes, it is true. ⇒ yes
No, it is false. ⇒ no
No, it's not true. ⇒ no
This is not correct. It is false. ⇒ no
Based on this, yes, they could. ⇒ yes
Result: True ⇒ yes
Output: no ⇒ no
A: True ⇒ yes
So: No ⇒ no
Thus: yes. ⇒ yes
the statement would be considered false. ⇒ no
This claim is definitely false. ⇒ no
Therefore the query is true ⇒ yes
<think>is it false?</think>true ⇒ yes
This is not the case. ⇒ no
That is the case. ⇒ yes
The claim that all birds fly is incorrect. ⇒ no
The statement that whales breathe is true. ⇒ yes
答案：是 ⇒ yes
$\text{Yes}$ ⇒ yes
答案：错误 ⇒ no
Respuesta: sí ⇒ yes
Die Antwort ist nein. ⇒ no
{"reason": "yes, some do", "answer": false} ⇒ no
The answer is yes. No, that is wrong: the answer is no. ⇒ no
It is false that whales are fish. ⇒ no
There is no proof, but yes, it did happen. ⇒ yes
Verdict: ❌ False ⇒ no
Absolutely not. ⇒ no
Of course! ⇒ yes
No way. ⇒ no
Probably not. ⇒ no
The statement can be judged **false**. ⇒ no
The answer is a firm no. ⇒ no
It's a yes from me. ⇒ yes
I believe the answer to be yes. ⇒ yes
Definitely yes. ⇒ yes
Of course not! They are mammals. ⇒ no
The claim: "All dogs bark" is false. ⇒ no
The sentence “No dog barks” is not correct. ⇒ no
The statement "It is true that dogs fly" is untrue. ⇒ no
I'd answer no to this. ⇒ no
My answer is yes, though some people say no ⇒ yes
The answer is not "no", but "yes". ⇒ yes
This is clearly not the case. ⇒ no
That is probably not true. ⇒ no
It's simply not correct. ⇒ no
Absolutely, a cow could. ⇒ yes
Certainly not, as they have no wings. ⇒ no
By no means, a cow cannot. ⇒ no
Certainly yes ⇒ yes
I would go with yes. ⇒ yes
=> False ⇒ no
I don't believe that the claim is true. ⇒ no
I do not think it is false. ⇒ yes
I doubt that the claim is correct. ⇒ no
We check whether the claim is true. The claim is false. ⇒ no
A cow has hooves, therefore it is not true that a cow has wings. ⇒ no
"""

SAYS_NEITHER = r"""
I would not say no.
I don't think the answer is yes
there are no dogs
the answer is yes or no
So the answer is not yes
true or false: x
It is true that dogs bark.
Indeed, dogs bark.
The statement can be true.
The answer is unknown
no lions live there
I know no one
It depends
yes/no
<think>yes
The answer is yes and no.
many people say yes
The answer is neither true nor false.
I cannot see if the statement is correct.
It is open whether or not the claim is false.
If this is true, then dogs bark.
"""

TEXTS = r"""
{"answer": "Ada Lovelace"} ⇒ Ada Lovelace
The answer is Paris, of course. ⇒ Paris
The answer is Paris because it is the capital. ⇒ Paris
<final>Paris</final> ⇒ Paris
The answer would be Paris. ⇒ Paris
The answer is "Paris". ⇒ Paris
<answer>Paris</answer> ⇒ Paris
<answer>↵Paris↵</answer> ⇒ Paris
\boxed{\text{Paris}} ⇒ Paris
**Answer:** Paris ⇒ Paris
The answer is Paris. It is in France. ⇒ Paris
The answer is Dr. Smith. ⇒ Dr. Smith
Let me think.↵↵Paris ⇒ Paris
<think>Rome</think>Paris ⇒ Paris
Paris↵↵Q: x ⇒ Paris
#### Paris ⇒ Paris
The capital? The answer must be Paris. ⇒ Paris
Paris is the answer. ⇒ Paris
The answer is: 'Paris' ⇒ Paris
So the answer is **Paris**. ⇒ Paris
Answer:↵↵Paris ⇒ Paris
<answer>The answer is Paris</answer> ⇒ Paris
Final answer: $\text{Paris}$ ⇒ Paris
The answer is Paris (2.1 million people). ⇒ Paris
The answer is Paris (also called Lutetia). ⇒ Paris
The answer is Paris, not Rome. ⇒ Paris
The answer is Paris, and not Rome ⇒ Paris
"""


def lines(block):
    """The completions of a block."""
    return [line.replace("↵", "\n") for line in block.strip("\n").split("\n")]


def rows(block):
    """The completions and golds of a block."""
    return [line.rsplit(" ⇒ ", 1) for line in lines(block)]


@pytest.mark.parametrize("completion", lines(GIVES_C))
def test_the_choice_that_is_stated_is_the_one_given(completion):
    assert choice.verify(completion, "C", choices=CHOICES).score == 1.0
    for other in ("A", "B", "D"):
        assert choice.verify(completion, other, choices=CHOICES).score == 0.0


@pytest.mark.parametrize("completion", lines(GIVES_NONE))
def test_a_choice_that_is_denied_offered_or_cut_off_is_not_given(completion):
    for label in "ABCD":
        assert choice.verify(completion, label, choices=CHOICES).score == 0.0


@pytest.mark.parametrize(("completion", "gold"), rows(TRUTHS))
def test_the_truth_that_is_stated_is_the_answer(completion, gold):
    assert boolean.verify(completion, gold).score == 1.0
    assert boolean.verify(completion, "no" if gold == "yes" else "yes").score == 0.0


@pytest.mark.parametrize("completion", lines(SAYS_NEITHER))
def test_a_truth_that_is_only_mentioned_is_no_answer(completion):
    for gold in ("yes", "no"):
        assert boolean.verify(completion, gold).score == 0.0


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize(("completion", "gold"), rows(TEXTS))
def test_the_text_that_is_stated_is_compared(completion, gold, normalise):
    assert exact.verify(completion, gold, normalise=normalise).score == 1.0
    assert exact.verify(completion, f"{gold} Hilton", normalise=normalise).score == 0.0
