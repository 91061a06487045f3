r"""Numbers in the forms that people and small models write; each line is a completion and its gold, ↵ a line break.

They were written from the rules of docs/verifiers.md, kind by kind.
"""

import pytest

from verifiers import numeric, steps

RIGHT = r"""
The answer is **$1,234.56**. ⇒ 1234.56
Therefore, she has **12** eggs left. ⇒ 12
20 - 5 = **15** ⇒ 15
The answer is 20% of 50, or 10 ⇒ 10
The answer is 1/2 or 0.5 ⇒ 0.5
The answer is 0.5 or 50% ⇒ 0.5
The answer is 2 dozen eggs ⇒ 24
The answer is 2 dozen ⇒ 2
The answer is 3 hours and 20 minutes ⇒ 200
The answer is 20 – 5 = 15 ⇒ 15
The answer is 15 = 20 - 5 ⇒ 15
\boxed{45\%} ⇒ 45
$\boxed{34}\%$ ⇒ 34
<answer>seven</answer> ⇒ 7
The answer is twenty-one. ⇒ 21
The answer is \$15 ⇒ 15
The answer is \[15\] ⇒ 15
**Final Answer**↵↵$15$ ⇒ 15
The answer is:↵↵15 apples ⇒ 15
15 apples ⇒ 15
A: 15 ⇒ 15
Q: how?↵A: 15 ⇒ 15
The answer is 3 1/2 cups ⇒ 3.5
The answer is 3½ cups ⇒ 3.5
$2.5M ⇒ 2500000
The answer is 5 million people ⇒ 5000000
The answer is 45k ⇒ 45000
The answer is Rs. 450 ⇒ 450
The answer is 450 USD ⇒ 450
USD 450 ⇒ 450
€450 ⇒ 450
450 € ⇒ 450
The answer is 14{,}916 ⇒ 14916
1.234,50 ⇒ 1234.5
1 234,5 ⇒ 1234.5
0,5 ⇒ 0.5
It is the 7th day. The answer is 7th. ⇒ 7
500 cm ⇒ 5 m
The answer is 0.28 ⇒ 28%
28 pct ⇒ 28%
28 percent ⇒ 28
\boxed{x = 5} ⇒ 5
\boxed{5 \text{ apples}} ⇒ 5
\boxed{\text{The answer is 5}} ⇒ 5
\boxed{}. The answer is 5 ⇒ 5
so \boxed{3} then \boxed{5} ⇒ 5
\boxed{8} and so we get \boxed{9} ⇒ 9
\boxed{3}↵↵Final Answer: 5 ⇒ 5
x = -\boxed{5} ⇒ -5
<think>\boxed{3}</think> 5 ⇒ 5
#### Step 1: add 3↵↵#### Step 2: subtract 2↵↵The answer is 5 ⇒ 5
#### Final Answer↵5 ⇒ 5
The answer is 1 hour 30 minutes ⇒ 90
The answer is 1 hour 30 minutes ⇒ 1.5
The answer is 3:15 PM ⇒ 3:15 PM
Twelve. ⇒ 12
She has five apples left. ⇒ 5
the answer is \frac{3}{4} ⇒ 0.75
The answer is 3/4. ⇒ 0.75
The answer is negative 5 ⇒ -5
The answer is -5 degrees ⇒ -5
the answer is 2^10 ⇒ 1024
The answer is 5 × 10^3 ⇒ 5000
The answer: 1,000,000 ⇒ 1000000
Answer = 5 ⇒ 5
My answer is 5! ⇒ 5
5 is my final answer ⇒ 5
Total: 5 + 6 = 11 ⇒ 11
= 11 ⇒ 11
11. ⇒ 11
11 % ⇒ 11
The answer is 5␣apples ⇒ 5
The answer is `5` ⇒ 5
The answer is _5_ ⇒ 5
The answer is "5". ⇒ 5
The answer is (5) ⇒ 5
Thus, 5. ⇒ 5
5↵↵Here is why: 2 + 3 = 5, using 2 numbers ⇒ 5
The answer is 5 or 5.0 ⇒ 5
Antwort: 5 ⇒ 5
答案是5。 ⇒ 5
The answer is $5$ apples, i.e. five ⇒ 5
It costs 5 dollars and 50 cents ⇒ 5.5
Final Result: 5 ⇒ 5
The final value is 5 ⇒ 5
The answer seems to be 5 ⇒ 5
Answer (in dollars): 5 ⇒ 5
<answer>↵5 + 3 = 8↵</answer> ⇒ 8
<answer>The total is 3 + 5 = 8 apples</answer> ⇒ 8
<final_answer>8</final_answer> ⇒ 8
**Answer: 8** ⇒ 8
***8*** ⇒ 8
## Answer↵8 ⇒ 8
8 </s> ⇒ 8
The answer is 8<|endoftext|>The answer is 9 ⇒ 8
The answer is 8↵User: what?↵The answer is 9 ⇒ 8
The answer is 8 [INST] 9 ⇒ 8
The answer is 8↵↵### Question↵And 9? ⇒ 8
{"answer": 8} ⇒ 8
{'answer': '8'} ⇒ 8
The answer is 8.50 ⇒ 8.5
The answer is 08 ⇒ 8
The answer is +8 ⇒ 8
3 + 5 = 8↵↵**8** ⇒ 8
The price is $8 per person ⇒ 8
"""

WRONG = r"""
The answer is 20 - 5 = 15 apples ⇒ 20
The answer is 3 1/2 cups ⇒ 3
The answer is 3:15 PM ⇒ 3
The answer is 3:15 PM ⇒ 15
The answer is 2^10 ways ⇒ 2
The answer is 5 million ⇒ 5
The answer is 7π square inches ⇒ 7
\boxed{3, 4} ⇒ 3
\boxed{3, 4} ⇒ 4
The answer is 3 or 4 ⇒ 4
The answer is between 3 and 4 ⇒ 4
\boxed{5 ⇒ 5
<think>The answer is 5 ⇒ 5
<think>The answer is 5</think> ⇒ 5
x = -\boxed{5} ⇒ 5
The answer is 7√2 ⇒ 7
The answer is 7√2 ⇒ 2
\boxed{\sqrt{16}} ⇒ 16
The answer is log(100) ⇒ 100
The answer is 45k ⇒ 45
The answer is 5 cm ⇒ 5 m
The answer is 5.5 ⇒ 5
0.28% ⇒ 28%
28 ⇒ 0.28
1 hour 30 minutes ⇒ 1
1 hour 30 minutes ⇒ 30
The answer is 3!4 ⇒ 3
The answer is 5x ⇒ 5
The answer is x^5 ⇒ 5
The answer is 4, not 5 ⇒ 5
The answer is 8↵↵Q: what is 4+5?↵A: 9 ⇒ 9
The answer is 101, 110 ⇒ 110
1.234,50 ⇒ 1234
The answer is 1,234 ⇒ 1
20 - 5 = **15** ⇒ 5
The answer is 2.5M ⇒ 2.5
The answer is 5% ⇒ 0.5
-5 ⇒ 5
$-5$ ⇒ 5
3/4 ⇒ 3
\frac{3}{4} ⇒ 4
The answer is 5e3 ⇒ 5
The answer is x > 5 ⇒ 5
The answer is x \geq 5 ⇒ 5
55555555555555555555555555555555555555555555555555 ⇒ 5
The answer is 4 boxes x 5 apples = 20 apples ⇒ 4
The answer is 5 times 4 ⇒ 5
2*3 for all ⇒ 2
The ratio is 3:4 ⇒ 4
The answer is 3:4 ⇒ 3
The answer is 15 - 20 ⇒ 15
"""


def rows(block):
    """The completions and golds of a block."""
    pairs = (line.rsplit(" ⇒ ", 1) for line in block.strip("\n").split("\n"))
    return [(completion.replace("↵", "\n").replace("␣", "\u00a0"), gold) for completion, gold in pairs]


@pytest.mark.parametrize("verifier", [numeric, steps])
@pytest.mark.parametrize(("completion", "gold"), rows(RIGHT))
def test_right_numbers_are_accepted(verifier, completion, gold):
    verdict = verifier.verify(completion, gold)
    assert verdict.score == 1.0 and verdict.rule is not None


@pytest.mark.parametrize("verifier", [numeric, steps])
@pytest.mark.parametrize(("completion", "gold"), rows(WRONG))
def test_a_number_that_only_stands_in_the_answer_is_not_accepted(verifier, completion, gold):
    assert verifier.verify(completion, gold).score == 0.0


@pytest.mark.parametrize("form", ["{}", "The answer is {}.", "**Answer:** {}", r"\boxed{{}}", "<answer>{}</answer>"])
@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("15", 15),
        ("$15", 15),
        ("1,234", 1234),
        ("-3", -3),
        ("2.50", 2.5),
        ("3/4", 0.75),
        ("20 - 5 = 15", 15),
        ("45k", 45_000),
    ],
)
def test_each_way_to_write_a_number_is_read_in_each_place(form, written, value):
    completion = form.replace("{}", written)
    assert numeric.verify(completion, str(value)).score == 1.0
    for wrong in (value + 1, value * 10, -value, value / 8):
        assert numeric.verify(completion, str(wrong)).score == 0.0
