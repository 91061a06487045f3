"""A critic of LoRA adapters and a value head over the policy's frozen base model.

The base model is in memory only once. The critic's adapters are active while the critic runs; otherwise the policy's
are.
"""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import cast

from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel

from rl.algorithms.critic import start_at_zero

ADAPTER = "critic"


class LoraCritic(nn.Module):
    """A value model with one logit per token.

    Args:
        policy: a policy with LoRA adapters; the critic's adapter is added to it.
    """

    def __init__(self, policy: PeftModel) -> None:
        super().__init__()
        self._policy = (policy,)  # in a tuple, so that torch does not register the policy as a submodule
        self._own = str(policy.active_adapter)
        policy.add_adapter(ADAPTER, copy.deepcopy(policy.peft_config[self._own]))
        policy.set_adapter(self._own)
        adapters = {name: p for name, p in policy.named_parameters() if f".{ADAPTER}." in name}
        self.adapters = nn.ParameterDict({name.replace(".", "/"): parameter for name, parameter in adapters.items()})
        for parameter in self.adapters.values():
            parameter.requires_grad_(True)
        base = cast(PreTrainedModel, policy.get_base_model())
        self._body = (getattr(base, base.base_model_prefix),)
        self.score = nn.Linear(base.config.get_text_config().hidden_size, 1)
        start_at_zero(self.score)

    def forward(self, input_ids: Tensor, **inputs: Tensor) -> SimpleNamespace:
        """Logits (B, S, 1), as `.logits`."""
        policy, body = self._policy[0], self._body[0]
        modes = [(module, module.training) for module in body.modules()]
        # no dropout; no gradient checkpointing either, which would recompute the layers with the policy's adapters
        body.eval()
        policy.set_adapter(ADAPTER)
        try:
            hidden = body(input_ids=input_ids, **inputs).last_hidden_state
        finally:
            policy.set_adapter(self._own)
            for module, mode in modes:
                module.training = mode
        return SimpleNamespace(logits=self.score(hidden.to(self.score.weight.dtype)))

    def close(self) -> None:
        """Remove the critic's adapters from the policy, so that they are not saved with it."""
        self._policy[0].delete_adapter(ADAPTER)
