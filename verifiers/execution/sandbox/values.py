"""Python values as JSON, out of the sandbox: what a program returns is written inside and read outside.

JSON and not pickle, because reading a pickle runs code of the writer's choice.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

_REFERRED = ("__main__", "solution", "verifiers.execution.sandbox.serving", "verifiers.execution.sandbox.testing")
_ARRAY = re.compile(r"[<>|=][biufU]\d{1,4}")
_DEPTH = 50
_SMALL = 2**63
_PLAIN = frozenset({int, float, str, bool, type(None)})
"""Types whose values stand for themselves, integers only where they are small."""
_RATIO_DIGITS = 10_000  # hexadecimal; past it, putting a ratio in lowest terms takes seconds


@dataclass(frozen=True, slots=True)
class Other:
    """A value of a type that does not travel: its text alone, equal to no plain value."""

    text: str


def encode(value: Any, depth: int = 0, refer: Callable[[Any], Any] | None = None) -> Any:
    """A value as something that JSON can say and `decode` reads back.

    Numbers of numpy and sympy become plain ones, an array a list, a dict of any kind a dict; a value of another type,
    or nested deeper than 50, becomes its text.

    Args:
        value: any object.
        depth: how deep it lies in another one.
        refer: gives the form of a value of another type, and of a type that the program defines; its text where None.
    """
    if value is None or isinstance(value, bool):
        return value
    if refer is not None and type(value).__module__ in _REFERRED:
        return refer(value)
    if isinstance(value, int):
        return int(value) if -_SMALL < value < _SMALL else {"int": hex(value)}
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str(value)
    if depth < _DEPTH:
        for name, kind in (("tuple", tuple), ("set", set), ("frozenset", frozenset)):
            if isinstance(value, kind):
                return {name: [encode(item, depth + 1, refer) for item in value]}
        if isinstance(value, list):
            return list(value) if _is_flat(value) else [encode(item, depth + 1, refer) for item in value]
        if isinstance(value, dict):
            return {"dict": [[encode(k, depth + 1, refer), encode(v, depth + 1, refer)] for k, v in value.items()]}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, Decimal) and not value.is_finite():
        return float(value)
    if isinstance(value, (Fraction, Decimal)):
        top, bottom = (hex(part) for part in value.as_integer_ratio())
        return {"ratio": [top, bottom]} if len(top + bottom) <= _RATIO_DIGITS else {"other": str(value)}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value).hex()}
    if type(value) in (date, datetime, time):
        return {type(value).__name__: value.isoformat()}
    if type(value) is timedelta:
        return {"timedelta": [value.days, value.seconds, value.microseconds]}
    if type(value) is range:
        return {"range": [value.start, value.stop, value.step]}
    if type(value) is deque and depth < _DEPTH:
        return {"deque": [encode(item, depth + 1, refer) for item in value]}
    return _encode_foreign(value, depth, refer)


def _is_flat(items: list[Any]) -> bool:
    """Whether the items of a list are their own forms; long lists of numbers and texts are common arguments."""
    kinds = set(map(type, items))
    return kinds <= _PLAIN and (int not in kinds or all(-_SMALL < i < _SMALL for i in items if type(i) is int))


def _encode_foreign(value: Any, depth: int, refer: Callable[[Any], Any] | None) -> Any:
    library = type(value).__module__.partition(".")[0]
    if library == "numpy" and refer is not None and _ARRAY.fullmatch(dtype := _dtype(value)):
        return {"array": [dtype, value.tolist()]}
    if library == "numpy" and hasattr(value, "tolist") and depth < _DEPTH:
        return encode(value.tolist(), depth + 1, refer)
    if library == "sympy" and getattr(value, "is_number", False) and getattr(value, "is_real", False):
        if value.is_Integer:
            return encode(int(value))
        return encode(Fraction(int(value.p), int(value.q))) if value.is_Rational else float(value)
    if library == "sympy" and type(value).__name__ in ("BooleanTrue", "BooleanFalse"):
        return bool(value)
    return {"other": str(value)} if refer is None else refer(value)


def _dtype(value: Any) -> str:
    """The type of an array's items, as numpy writes it; empty where the value is no array."""
    return str(value.dtype.str) if getattr(value, "ndim", 0) and hasattr(value, "dtype") else ""


def decode(form: Any, resolve: Callable[[str, Any], Any] | None = None) -> Any:
    """The value that `encode` wrote.

    Args:
        form: what it wrote, out of JSON; its lists may become the value's.
        resolve: gives the value of a form that `refer` wrote, from its kind and its body.

    Raises:
        ValueError: the form is not one that `encode` writes.
    """
    if isinstance(form, list):
        return form if _PLAIN.issuperset(map(type, form)) else [decode(item, resolve) for item in form]
    if not isinstance(form, dict):
        return form
    if len(form) != 1:
        raise ValueError("a value's form has one key")
    ((kind, body),) = form.items()
    try:
        return _decode_kind(kind, body, resolve)
    except (TypeError, AttributeError, ZeroDivisionError) as error:
        raise ValueError(f"not a value of kind {kind!r}: {error}") from None


def _decode_kind(kind: str, body: Any, resolve: Callable[[str, Any], Any] | None) -> Any:
    match kind:
        case "int":
            return int(body, 16)
        case "ratio":
            if len(body[0] + body[1]) > _RATIO_DIGITS:
                raise ValueError("the ratio is too long")
            return Fraction(int(body[0], 16), int(body[1], 16))
        case "complex":
            return complex(body[0], body[1])
        case "bytes":
            return bytes.fromhex(body)
        case "tuple":
            return tuple(decode(item, resolve) for item in body)
        case "set":
            return {decode(item, resolve) for item in body}
        case "frozenset":
            return frozenset(decode(item, resolve) for item in body)
        case "date" | "datetime" | "time":
            return {"date": date, "datetime": datetime, "time": time}[kind].fromisoformat(body)
        case "timedelta":
            return timedelta(*map(int, body))
        case "range":
            return range(*map(int, body))
        case "deque":
            return deque(decode(item, resolve) for item in body)
        case "dict":
            return {decode(key, resolve): decode(value, resolve) for key, value in body}
        case "array" if _ARRAY.fullmatch(body[0]):
            import numpy

            return numpy.array(body[1], dtype=body[0])
        case "other":
            return Other(str(body))
    if resolve is not None:
        return resolve(kind, body)
    raise ValueError(f"no kind of value is called {kind!r}")


def as_text(value: Any) -> str:
    """A value as it is shown: a string as it is, a whole number without a point, anything else as Python writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, Other):
        return value.text
    if isinstance(value, Fraction):
        return str(value) if max(abs(value.numerator), value.denominator) < 10**4000 else "a ratio too long to write"
    if isinstance(value, float) and math.isfinite(value) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    try:
        return repr(value)
    except ValueError:  # an integer past sys.get_int_max_str_digits()
        return "a number too long to write"
