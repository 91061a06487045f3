"""Whether two times of day are the same."""

from __future__ import annotations

import re
from typing import Any

from verifiers.answer.values import Group, Time

_CLOCK = re.compile(r"\s*([0-9]{1,2})\s*:\s*([0-5][0-9])\s*(?::\s*([0-5][0-9])\s*)?")


def time_of(value: Any) -> Time | None:
    """The time of day that a value is, or that a ratio such as `12:30` may be."""
    if isinstance(value, Time):
        return value
    if isinstance(value, Group) and value.kind == "ratio" and (match := _CLOCK.fullmatch(value.text)):
        return Time(int(match[1]), int(match[2]), int(match[3] or 0))
    return None


def same_times(left: Any, right: Any) -> bool:
    """Whether two times of day are the same; am and pm may be left out on one side, and 15:00 is 3 pm.

    Args:
        left: a time, or what may be read as one.
        right: another.
    """
    one, two = time_of(left), time_of(right)
    if one is None or two is None or (one.minutes, one.seconds) != (two.minutes, two.seconds):
        return False
    hours = [_hour(time) for time in (one, two)]
    if not one.half and not two.half:
        return one.hours == two.hours
    return hours[0] == hours[1] if None not in hours else one.hours % 12 == two.hours % 12


def _hour(time: Time) -> int | None:
    """The hour from 0 to 23 where the time says which half of the day it is in, else None."""
    if time.half:
        return time.hours % 12 + (12 if time.half == "p" else 0)
    return time.hours if time.hours > 12 or time.hours == 0 else None
