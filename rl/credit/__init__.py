"""Credit: how judgements of whole completions and of their steps become numbers a token, or a training example.

One file is one rule. Token rewards feed PPO through `gae` and GRPO through `group`; `pairs`, `keep` and `hints` make
the training examples of the algorithms in rounds.
"""
