"""A critic of LoRA adapters and a value head over the policy's frozen base model.

The base model is in memory only once. The critic's adapters are part of the policy only while the critic runs. So what
saves, shards or optimizes the policy never sees them: under FSDP or ZeRO-3 the base is sharded, but every process holds
the critic's adapters whole, and its gradients are averaged as those of any critic (`rl/algorithms/critic.py`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import cast

from peft import PeftModel
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from transformers import PreTrainedModel

from rl.algorithms.critic import start_at_zero

ADAPTER = "critic"
Parts = list[tuple[nn.ModuleDict | nn.ParameterDict, nn.Module | nn.Parameter]]
"""A layer's dictionary of adapters, and what the critic's adapter has in it."""


class LoraCritic(nn.Module):
    """A value model with one logit per token.

    Args:
        policy: a policy with LoRA adapters, of which the critic gets its own.
    """

    def __init__(self, policy: PeftModel) -> None:
        super().__init__()
        self._policy = (policy,)  # in a tuple, so that torch does not register the policy as a submodule
        self._own = str(policy.active_adapter)
        self._config = copy.deepcopy(policy.peft_config[self._own])
        policy.add_adapter(ADAPTER, self._config)
        policy.set_adapter(self._own)
        adapters = {name: p for name, p in policy.named_parameters() if f".{ADAPTER}." in name}
        self.adapters = nn.ParameterDict({name.replace(".", "/"): parameter for name, parameter in adapters.items()})
        self._parts = _taken_out(policy)
        for parameter in self.adapters.values():
            parameter.requires_grad_(True)
        base = cast(PreTrainedModel, policy.get_base_model())
        self._body = (getattr(base, base.base_model_prefix),)
        self.score = nn.Linear(base.config.get_text_config().hidden_size, 1)
        start_at_zero(self.score)

    def forward(self, input_ids: Tensor, **inputs: Tensor) -> SimpleNamespace:
        """Logits (B, S, 1), as `.logits`."""
        body, policy = self._body[0], self._policy[0]
        if isinstance(policy, FSDPModule):
            policy.unshard()  # the weights outside of layers, such as the last norm, which its own pass would gather
        with self._put_in():
            modes = [(module, module.training) for module in body.modules()]
            # no dropout; no gradient checkpointing either, which would recompute the layers with the policy's adapters
            body.eval()
            try:
                hidden = body(input_ids=input_ids, **inputs).last_hidden_state
            finally:
                for module, mode in modes:
                    module.training = mode
        return SimpleNamespace(logits=self.score(hidden.to(self.score.weight.dtype)))

    @contextmanager
    def _put_in(self) -> Iterator[None]:
        """Within this context, the critic's adapters are those of the policy that are active."""
        policy = self._policy[0]
        policy.peft_config[ADAPTER] = self._config
        for layers, part in self._parts:
            layers[ADAPTER] = part  # pyright: ignore[reportArgumentType]  # a dictionary gets what it had
        policy.set_adapter(ADAPTER)
        try:
            yield
        finally:
            del policy.peft_config[ADAPTER]
            for layers, _ in self._parts:
                del layers[ADAPTER]
            policy.set_adapter(self._own)  # peft would disable the gradients of adapters that it knows


def _taken_out(policy: PeftModel) -> Parts:
    """Remove the critic's adapters from the policy, and return them with their places."""
    del policy.peft_config[ADAPTER]
    places = [one for one in policy.modules() if isinstance(one, nn.ModuleDict | nn.ParameterDict) and ADAPTER in one]
    return [(layers, layers.pop(ADAPTER)) for layers in places]
