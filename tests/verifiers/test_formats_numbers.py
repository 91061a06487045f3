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
Ans. Rs. 8/- ⇒ 8
The price is ₹1,800/- only ⇒ 1800
The answer is 2 km or 2000 meters. ⇒ 2000 meters
The answer is 2 km or 2000 meters. ⇒ 2 km
The answer is $1.20, or 120 cents ⇒ 1.2
The trip takes 1.5 hours = 1 hour and 30 minutes. ⇒ 1.5
The trip takes 90 minutes = 1 hour and 30 minutes. ⇒ 90
Answer: 2h05 ⇒ 125
Answer: 8 – one more than on Monday, when it was 7. ⇒ 8
Answer: 8 dogs - a gain of 3 ⇒ 8
The answer is half a dozen eggs. ⇒ 6
The answer is half a billion. ⇒ 500000000
Answer: Ann has 8, which is 3 more than before. ⇒ 8
Answer: Ann is 8, which is half as old as her 16 year old brother. ⇒ 8
The quotient is 8 when 56 is divided by 7. ⇒ 8
Each child gets 8, because 56 / 7 = 8.0 and 7 children are there. ⇒ 8
She will have 8 once 2 are sold. ⇒ 8
She is 8 (her brother was 3 when she had turned 5). ⇒ 8
The minimum is 8 at t = 3. ⇒ 8
The loss means a balance of -$8. ⇒ -8
His account stands at -$1,250.50 today. ⇒ -1250.5
It takes 3 hours, 5 minutes. ⇒ 185
The rope is 5 feet, 6 inches long. ⇒ 66 inches
He pays $8 in all for the 2 big red balls. ⇒ 8
He pays $8 ($5 for the ball and $3 for the net). ⇒ 8
There were 8 of them in 1999. ⇒ 8
The class has 8 boys, 3 of whom wear glasses. ⇒ 8
There are 8 left before selling another 2. ⇒ 8
He had read 8 books by his 10th birthday. ⇒ 8
Only 8 eggs of the 12 eggs broke. ⇒ 8
So 8 of her 20 friends came. ⇒ 8
He makes $80 from selling 16 pies. ⇒ 80
They have 8, which agrees with the 20 - 12 = 8 from above. ⇒ 8
Answer: 2.5 kg (2500 grams) ⇒ 2.5
The final answer is 90 min (1.5 hours). ⇒ 90
They will have planted 8 trees by day 4. ⇒ 8
It takes him 8 days to read 240 pages. ⇒ 8
She needs 8 more points to reach 20. ⇒ 8
We need to add 5 and 3 to get 8. ⇒ 8
It must be 8, and I am 95% certain. ⇒ 8
So Jim caught 8 fish, 3 more than his father did. ⇒ 8
The town will have 1,800 more houses by the end of 2031. ⇒ 1800
She was 20 in 1990, so she was born in 1970. ⇒ 1970
They wed 10 years later in 1970. ⇒ 1970
The maximum is 8, reached for x = 2 and y = 4 ⇒ 8
The answer is 8.50 ⇒ 8.5
The answer is 08 ⇒ 8
The answer is +8 ⇒ 8
3 + 5 = 8↵↵**8** ⇒ 8
The price is $8 per person ⇒ 8
The answer is $12.50 per person. ⇒ 12.5
Answer: 12 (twelve) ⇒ 12
The answer is 12 + 3 = 15, i.e. 15. ⇒ 15
So he needs 15 - 12 = **3** more. ⇒ 3
Therefore, the total is 4 * 5 = <<4*5=20>>20. ⇒ 20
The answer is 1.5 million dollars ⇒ 1500000
The answer is 2/5 of the cake ⇒ 0.4
The answer is 17 ⇒ 17
The final answer is 1,200 dollars. ⇒ 1200
\boxed{\$1{,}200} ⇒ 1200
\boxed{1200 \text{ dollars}} ⇒ 1200
\boxed{20\%} ⇒ 20
\boxed{\frac{1}{2}} ⇒ 0.5
\boxed{\dfrac{7}{2}} ⇒ 3.5
Answer: $\frac{7}{2}$ miles ⇒ 3.5
Answer: 7/2 = 3.5 ⇒ 3.5
The answer is ~12 ⇒ 12
The answer is ≈ 12 ⇒ 12
The answer is about 12. ⇒ 12
The answer is -12°C ⇒ -12
The answer is 12° ⇒ 12
The answer is 12 o'clock ⇒ 12
Answer: 12km ⇒ 12
Answer: 12 km/h ⇒ 12
Answer: 12m^2 ⇒ 12
Answer: 12 m² ⇒ 12
12 sq ft ⇒ 12
Answer: 12th ⇒ 12
Answer: twelve ⇒ 12
She has twenty left. ⇒ 20
She has 5 left, not 6. ⇒ 5
The answer is 5, not 6. ⇒ 5
There are 5 (not 6) apples, so the answer is 5 ⇒ 5
The answer is 0 ⇒ 0
The answer is 0.0 ⇒ 0
The answer is .5 ⇒ 0.5
The answer is 5. ⇒ 5
Final answer: 5↵↵Let me know if you have 3 more questions! ⇒ 5
The answer is 5. I am 99% sure. ⇒ 5
#### 5 ↵↵#### 6 ⇒ 6
Step 1: 3↵Step 2: 4↵Total: 7 ⇒ 7
1. Add 3↵2. Add 4↵↵The result is 7 ⇒ 7
It will take her 2 hours and 30 minutes. ⇒ 150
The ratio is 2 to 3, so the answer is 2/3 ⇒ 2/3
$x=5$ ⇒ 5
x = 5 or x = 5 ⇒ 5
\begin{align*} x &= 2+3 \\ &= 5 \end{align*} ⇒ 5
\[ 2+3 = \boxed{5} \] ⇒ 5
So the total is $2 + $3 = $5. ⇒ 5
The cost is $5.00 each ⇒ 5
He paid US$5 ⇒ 5
He paid 5 bucks ⇒ 5
Answer: 5 apples and no pears ⇒ 5
Answer: 5 apples, 3 of which are red ⇒ 5
100% ⇒ 100
The answer is 10^6 ⇒ 1000000
The answer is 1e6. ⇒ 1000000
The answer is 10 × 10 = 100 ⇒ 100
The answer is 10 x 10 ⇒ 100
The answer is 6 ÷ 2 = 3 ⇒ 3
The answer is (2+3)*4 ⇒ 20
The answer is 2(3+4) ⇒ 14
The answer is 25 percent ⇒ 25
¥500 ⇒ 500
₹500 ⇒ 500
£3.50 ⇒ 3.5
3.50€ ⇒ 3.5
50¢ ⇒ 50
The answer is 7 days a week ⇒ 7
1 000 000 ⇒ 1000000
1'000'000 ⇒ 1000000
1_000_000 ⇒ 1000000
2.5bn ⇒ 2500000000
3 dozen ⇒ 36
half ⇒ 0.5
three quarters ⇒ 0.75
The answer is one. ⇒ 1
{"answer": 42} ⇒ 42
```↵42↵``` ⇒ 42
> 42 ⇒ 42
| Total | 42 | ⇒ 42
[42] ⇒ 42
answer: {42} ⇒ 42
Answer: [42] ⇒ 42
The answer is $\$42$. ⇒ 42
The answer is \(\$42\) ⇒ 42
**Total: $42** ⇒ 42
Total = **$42.00** ⇒ 42
So 6 * 7 = 42.↵↵The answer is: **42 apples** ⇒ 42
The answer is 42 (6 × 7). ⇒ 42
The answer is 6 × 7 = 42 ⇒ 42
The answer is: 6 apples x 7 = 42 apples ⇒ 42
Hence 42 minutes. ⇒ 42
The answer is forty-two. ⇒ 42
Forty-two ⇒ 42
It would take 42 days ⇒ 42
Janet has 42 more than Tom, who has 10.↵The answer is 42. ⇒ 42
The answer is 42.↵↵---↵↵Verification: 40+2=42, 5 steps ⇒ 42
Final Answer: $42$ dollars ⇒ 42
Final answer is 42% ⇒ 42
Answer: -42 ⇒ -42
Answer: −42 ⇒ -42
Answer: –42 ⇒ -42
Answer: 42.0 ⇒ 42
Answer: 042 ⇒ 42
Answer: 4.2e1 ⇒ 42
The answer is 84/2 ⇒ 42
The answer is 84/2 = 42 ⇒ 42
The answer is $\frac{84}{2} = 42$ ⇒ 42
$$\boxed{42}$$ ⇒ 42
\boxed{42} apples ⇒ 42
\boxed{42\ \text{apples}} ⇒ 42
\boxed{\textbf{42}} ⇒ 42
\boxed{\mathbf{42}} ⇒ 42
\boxed{\text{42}} ⇒ 42
\boxed{42.} ⇒ 42
\boxed{ 42 } ⇒ 42
\fbox{42} ⇒ 42
\boxed 42 ⇒ 42
\boxed{n=42} ⇒ 42
\boxed{6\cdot 7} ⇒ 42
\boxed{6 \times 7 = 42} ⇒ 42
\boxed{\$42} ⇒ 42
\boxed{42^\circ} ⇒ 42
\boxed{42\,\text{cm}^2} ⇒ 42
\boxed{42 \text{ cm}^2} ⇒ 42
\boxed{42\text{ out of }100} ⇒ 42
\boxed{40} + 2 = 42. Final Answer: 42 ⇒ 42
So the answer is 42<|eot_id|> ⇒ 42
42</answer> ⇒ 42
<answer>42 ⇒ 42
<answer>$42</answer> ⇒ 42
<answer>42 apples</answer> ⇒ 42
<answer>x=42</answer> ⇒ 42
<answer>\boxed{42}</answer> ⇒ 42
<answer>#### 42</answer> ⇒ 42
<answer>40</answer><answer>42</answer> ⇒ 42
#### 42 apples ⇒ 42
#### $42 ⇒ 42
####42 ⇒ 42
#### 42. ⇒ 42
#### **42** ⇒ 42
### 42 ⇒ 42
The final answer is 42. I hope it is correct. ⇒ 42
Step 1: 6*7↵Step 2: 42↵#### 42↵↵Question: 5+5?↵#### 10 ⇒ 42
42↵Question: 5+5?↵10 ⇒ 42
Thus, there are 42 apples and 3 baskets, so the answer is 42 ⇒ 42
The sum is 42, and the product is 80. The answer is the sum, 42. ⇒ 42
x + 2 = 44, so x = 42 ⇒ 42
$x=42$ and $y=3$. The answer is $x$, so 42 ⇒ 42
The answer is 42 since 42 > 40 ⇒ 42
The answer is 1,234, altogether. ⇒ 1234
The total is 1,234,567, which is a lot. ⇒ 1234567
One thousand, two hundred and thirty-four dollars. ⇒ 1234
{"answer": 72} ⇒ 72
{"reasoning": "48 and 24", "final_answer": "72 clips"} ⇒ 72
<solution>48 + 24 = 72</solution> ⇒ 72
72.↵↵Explanation: 48 in April and 24 in May. ⇒ 72
答：72个。 ⇒ 72
It takes 3h 30min. ⇒ 210
It takes 3h 30min. ⇒ 3.5
The answer is 5m 20s ⇒ 320
It takes 3h. ⇒ 3
It will take 2.5 hours (150 minutes). ⇒ 2.5
It will take 2.5 hours (150 minutes). ⇒ 150
The answer is 1.5 lakh ⇒ 150000
The answer is two lakh ⇒ 200000
It costs 3 crores. ⇒ 30000000
The answer is 12 euros and 50 cents ⇒ 12.5
The answer is 0.333... ⇒ 1/3
The answer is 0.1666.... ⇒ 1/6
It leaves at quarter past three. ⇒ 3:15
答案应该是72。 ⇒ 72
The answer is 71? No: it is 72. ⇒ 72
The answer is 71. Wait, that is not right. The answer is 72. ⇒ 72
"""

WRONG = r"""
The quotient is 8 when 56 is divided by 7. ⇒ 7
She is 8 (her brother was 3 when she had turned 5). ⇒ 5
Answer: Ann has 8, which is 3 more than before. ⇒ 3
The minimum is 8 at t = 3. ⇒ 3
The loss means a balance of -$8. ⇒ 8
It takes 3 hours, 5 minutes. ⇒ 3
There were 8 of them in 1999. ⇒ 1999
The class has 8 boys, 3 of whom wear glasses. ⇒ 3
So 8 of her 20 friends came. ⇒ 20
It takes him 8 days to read 240 pages. ⇒ 240
It must be 8, and I am 95% certain. ⇒ 95
He pays $8 ($5 for the ball and $3 for the net). ⇒ 3
The answer is 2 remainder 3 ⇒ 2
The answer is 2 remainder 3 ⇒ 3
The answer is 2 km or 2000 meters. ⇒ 4 km
The answer is 72? No: it is 73. ⇒ 72
The answer is 72. Oops, that's wrong, it is 73. ⇒ 72
{"answer": [72, 73]} ⇒ 72
The answer is 2 to 3 ⇒ 2
The answer is 15 lakh ⇒ 15
It will take 2.5 hours (140 minutes). ⇒ 2.5
The answer is 0.333... ⇒ 0.333
{"answer": 73, "count": 72} ⇒ 72
The answer is 1,234,5, altogether. ⇒ 1234
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
The answer is 12 + 3 = 15, i.e. 15. ⇒ 12
The answer is 12 + 3 = 15, i.e. 15. ⇒ 3
So he needs 15 - 12 = **3** more. ⇒ 15
So he needs 15 - 12 = **3** more. ⇒ 12
Therefore, the total is 4 * 5 = <<4*5=20>>20. ⇒ 4
Therefore, the total is 4 * 5 = <<4*5=20>>20. ⇒ 5
The answer is 1.5 million dollars ⇒ 1.5
The answer is 2/5 of the cake ⇒ 2
The answer is 2/5 of the cake ⇒ 5
The answer is 17 ⇒ 7
The final answer is 1,200 dollars. ⇒ 1
The final answer is 1,200 dollars. ⇒ 200
\boxed{\$1{,}200} ⇒ 1
\boxed{\frac{1}{2}} ⇒ 1
\boxed{\frac{1}{2}} ⇒ 2
\boxed{\dfrac{7}{2}} ⇒ 7
Answer: $\frac{7}{2}$ miles ⇒ 7
Answer: $\frac{7}{2}$ miles ⇒ 2
Answer: 7/2 = 3.5 ⇒ 7
The answer is -12°C ⇒ 12
Answer: 12m^2 ⇒ 2
Answer: 12 m² ⇒ 2
Answer: twelve ⇒ 2
She has 5 left, not 6. ⇒ 6
The answer is 5, not 6. ⇒ 6
There are 5 (not 6) apples, so the answer is 5 ⇒ 6
The answer is 0 ⇒ 1
The answer is .5 ⇒ 5
Final answer: 5↵↵Let me know if you have 3 more questions! ⇒ 3
The answer is 5. I am 99% sure. ⇒ 99
#### 5 ↵↵#### 6 ⇒ 5
Step 1: 3↵Step 2: 4↵Total: 7 ⇒ 3
Step 1: 3↵Step 2: 4↵Total: 7 ⇒ 4
1. Add 3↵2. Add 4↵↵The result is 7 ⇒ 3
It will take her 2 hours and 30 minutes. ⇒ 2
It will take her 2 hours and 30 minutes. ⇒ 30
The ratio is 2 to 3, so the answer is 2/3 ⇒ 2
The ratio is 2 to 3, so the answer is 2/3 ⇒ 3
\begin{align*} x &= 2+3 \\ &= 5 \end{align*} ⇒ 2
\begin{align*} x &= 2+3 \\ &= 5 \end{align*} ⇒ 3
\[ 2+3 = \boxed{5} \] ⇒ 2
So the total is $2 + $3 = $5. ⇒ 2
So the total is $2 + $3 = $5. ⇒ 3
Answer: 5 apples, 3 of which are red ⇒ 3
The answer is 10^6 ⇒ 10
The answer is 10^6 ⇒ 6
The answer is 1e6. ⇒ 1
The answer is 1e6. ⇒ 6
The answer is 10 × 10 = 100 ⇒ 10
The answer is 10 x 10 ⇒ 10
The answer is 6 ÷ 2 = 3 ⇒ 6
The answer is 6 ÷ 2 = 3 ⇒ 2
The answer is (2+3)*4 ⇒ 2
The answer is (2+3)*4 ⇒ 3
The answer is (2+3)*4 ⇒ 4
The answer is 2(3+4) ⇒ 2
The answer is 2(3+4) ⇒ 3
₹500 ⇒ 5
1 000 000 ⇒ 1
1'000'000 ⇒ 1
1_000_000 ⇒ 1
2.5bn ⇒ 2.5
half ⇒ 2
three quarters ⇒ 3
three quarters ⇒ 4
{"answer": 42} ⇒ 4
So 6 * 7 = 42.↵↵The answer is: **42 apples** ⇒ 6
So 6 * 7 = 42.↵↵The answer is: **42 apples** ⇒ 7
The answer is 42 (6 × 7). ⇒ 6
The answer is 42 (6 × 7). ⇒ 7
The answer is 6 × 7 = 42 ⇒ 6
The answer is 6 × 7 = 42 ⇒ 7
The answer is: 6 apples x 7 = 42 apples ⇒ 6
The answer is: 6 apples x 7 = 42 apples ⇒ 7
The answer is forty-two. ⇒ 2
Janet has 42 more than Tom, who has 10.↵The answer is 42. ⇒ 10
The answer is 42.↵↵---↵↵Verification: 40+2=42, 5 steps ⇒ 5
Answer: -42 ⇒ 42
Answer: −42 ⇒ 42
Answer: 4.2e1 ⇒ 4.2
The answer is 84/2 ⇒ 84
The answer is 84/2 ⇒ 2
The answer is 84/2 = 42 ⇒ 84
The answer is 84/2 = 42 ⇒ 2
The answer is $\frac{84}{2} = 42$ ⇒ 84
The answer is $\frac{84}{2} = 42$ ⇒ 2
\boxed{6\cdot 7} ⇒ 6
\boxed{6\cdot 7} ⇒ 7
\boxed{6 \times 7 = 42} ⇒ 6
\boxed{42\,\text{cm}^2} ⇒ 2
\boxed{42 \text{ cm}^2} ⇒ 2
\boxed{42\text{ out of }100} ⇒ 100
\boxed{40} + 2 = 42. Final Answer: 42 ⇒ 40
<answer>40</answer><answer>42</answer> ⇒ 40
Step 1: 6*7↵Step 2: 42↵#### 42↵↵Question: 5+5?↵#### 10 ⇒ 10
42↵Question: 5+5?↵10 ⇒ 10
Thus, there are 42 apples and 3 baskets, so the answer is 42 ⇒ 3
The sum is 42, and the product is 80. The answer is the sum, 42. ⇒ 80
x + 2 = 44, so x = 42 ⇒ 44
x + 2 = 44, so x = 42 ⇒ 2
$x=42$ and $y=3$. The answer is $x$, so 42 ⇒ 3
The answer is 42 since 42 > 40 ⇒ 40
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
