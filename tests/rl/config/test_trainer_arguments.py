import dataclasses

import pytest
from trl.trainer.grpo_config import GRPOConfig

from rl.config.checks import SET_ELSEWHERE
from rl.config.trainer_arguments import arguments, convert


def test_the_arguments_read_from_source_are_those_of_the_class():
    assert arguments("GRPOConfig").keys() == {field.name for field in dataclasses.fields(GRPOConfig) if field.init}


def test_what_is_set_elsewhere_is_an_argument_of_trl():
    everywhere = {name for kind in ("GRPOConfig", "DPOConfig", "ORPOConfig", "SFTConfig") for name in arguments(kind)}
    assert SET_ELSEWHERE.keys() <= everywhere


@pytest.mark.parametrize(
    ("annotation", "value", "converted"),
    [("float", 1, 1.0), ("int | None", None, None), ("OptimizerNames | str", "adamw_torch", "adamw_torch"),
     ("dict | str | None", {"a": 1}, {"a": 1}), ("bool | None", False, False)],
)  # fmt: skip
def test_a_fitting_value_is_converted(annotation, value, converted):
    result = convert("x", annotation, value)
    assert result == converted and type(result) is type(converted)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [("int", 2.5), ("float", "fast"), ("int", True), ("bool", "perhaps"), ("SchedulerType | str", 3)],
)
def test_another_type_is_refused(annotation, value):
    with pytest.raises(ValueError, match="expected"):
        convert("x", annotation, value)
