"""The `algorithm.teacher` section: models whose next-token distribution a fit learns (`rl/algorithms/distil.py`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from rewards.parts.shown import columns_of
from rl.config.section import Section


class Teacher(Section):
    """A model whose distribution over the next token the policy learns, at each token of a completion."""

    model: Annotated[str, Field(min_length=1)]
    """A path or a hub id; `base`, the policy that the run started from; or `policy`, the policy in training."""
    prompt: str | None = None
    """The teacher's own prompt: a template with columns of the row in braces, including `{prompt}`, and `{sibling}`,
    another completion of the prompt that is right. By default the teacher sees the policy's prompt."""
    direction: Literal["forward", "reverse", "jsd"] = "forward"
    """KL(teacher ‖ student), KL(student ‖ teacher), or the generalised Jensen-Shannon divergence."""
    beta: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Weight of the teacher in the mixture of `jsd`."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Temperature that softens both distributions; the divergence is multiplied by its square."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Weight of the divergence in the loss."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of its weights."""
    revision: str | None = None
    """Revision of a model on the hub."""
    trust_remote_code: bool = False
    """Whether code that comes with the model may run."""

    @field_validator("prompt")
    @classmethod
    def _is_a_template(cls, prompt: str | None) -> str | None:
        if prompt is not None:
            columns_of(prompt)
        return prompt

    @model_validator(mode="after")
    def _knows_more(self) -> Teacher:
        if self.model == "policy" and self.prompt is None:
            raise ValueError("the policy in training has nothing to learn from itself; show it more with prompt")
        if self.beta != type(self).model_fields["beta"].default and self.direction != "jsd":
            raise ValueError(f"beta is used only with direction: jsd, but the direction is {self.direction}")
        return self


def _several(value: Any) -> Any:
    several = value if isinstance(value, list) else [value]
    return [{"model": one} if isinstance(one, str) else one for one in several]


Teachers = Annotated[list[Teacher], BeforeValidator(_several)]
"""One teacher or a list of them; a teacher may be given by its model alone."""
