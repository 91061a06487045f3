"""The base class of all sections of the config: a pydantic model that rejects unknown keys and is immutable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[int, Field(ge=1)]


def _divides(value: float) -> float:
    if value < 1e-6:
        raise ValueError("too small to divide by; for the most likely tokens alone set top_k to 1")
    return value


Temperature = Annotated[float, Field(gt=0), AfterValidator(_divides)]

TRUTH = "truth_for_a_number"
"""Type of the error for a boolean in place of a number; its context has the `field` and the `value`."""


class Section(BaseModel):
    """A section of the config. Unknown keys and numbers that are not finite are errors, and values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, values: Any) -> Any:
        """Refuse a boolean for a number: YAML reads `yes` and `on` as true, which Python would accept as 1."""
        for name, field in cls.model_fields.items():
            value = values.get(field.alias or name) if isinstance(values, Mapping) else None
            wanted = str(field.annotation)
            if isinstance(value, bool) and "bool" not in wanted and ("int" in wanted or "float" in wanted):
                # a validator of the model, because pydantic allows no wildcard field validator with a discriminator
                raise PydanticCustomError(TRUTH, "expected a number", {"field": field.alias or name, "value": value})
        return values


def without_null(values: Any) -> Any:
    """A mapping without the names whose value is null, by which a config leaves out what an included one has."""
    return {name: of for name, of in values.items() if of is not None} if isinstance(values, dict) else values
