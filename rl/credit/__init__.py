"""Credit: how judgements of whole completions and of their steps become advantages of tokens.

`token_rewards` lays the rewards of judged samples out over their tokens: `steps` has the credit rules, and `spans`
finds the tokens that end steps. From token rewards PPO computes advantages with `gae`, and GRPO with `group`. The
algorithms in rounds have no advantages; `rl/examples` chooses what they learn from.
"""
