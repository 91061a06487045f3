"""What every part of the config is: a model of pydantic that takes no unknown key and does not change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[int, Field(ge=1)]

TRUTH = "truth_for_a_number"
"""The type of the error for true or false where a number belongs; its context names the `field` and the `value`."""


class Section(BaseModel):
    """A part of the config: unknown keys are errors, numbers are finite, and values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, values: Any) -> Any:
        """YAML reads `yes` and `on` as true, which Python takes for the number 1."""
        for name, field in cls.model_fields.items():
            value = values.get(field.alias or name) if isinstance(values, Mapping) else None
            wanted = str(field.annotation)
            if isinstance(value, bool) and "bool" not in wanted and ("int" in wanted or "float" in wanted):
                # a validator of the model, as pydantic allows none of all fields beside a discriminator
                raise PydanticCustomError(TRUTH, "expected a number", {"field": field.alias or name, "value": value})
        return values
