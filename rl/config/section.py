"""What every part of the config is: a model of pydantic that takes no unknown key and does not change."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A part of the config: unknown keys are errors, and values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
