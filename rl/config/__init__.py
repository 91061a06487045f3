"""The configuration: a layer of its own that imports without torch, is strict, and can be printed resolved."""

from rl.config.reading import dump, load, load_recorded, load_stages, load_to_measure, load_to_sample, undump
from rl.config.sections import Config, DatasetTask, Policy, ReasoningGymTask, WarmStart

__all__ = [
    "Config",
    "DatasetTask",
    "Policy",
    "ReasoningGymTask",
    "WarmStart",
    "dump",
    "load",
    "load_recorded",
    "load_stages",
    "load_to_measure",
    "load_to_sample",
    "undump",
]
