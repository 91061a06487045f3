"""The program's side of tests that run in another process: does what they ask, and hands out values and references.

A program can answer what it likes. It is never told what answer is wanted.
"""

from __future__ import annotations

import contextlib
import io
import json
import operator
from collections.abc import Callable
from typing import Any

from verifiers.execution.sandbox.channel import BINARY, LONGEST, MUTABLE, ORDER, Channel, ProgramEnded
from verifiers.execution.sandbox.values import decode, encode

_REFERENCES = ('{"ref"', '{"name"', '{"function"', '{"pickle"')
"""In a form of arguments: it is not what `encode` makes of the decoded ones."""
_PLAIN = (str, int, float, tuple, frozenset, *MUTABLE)


def serve(scope: dict[str, Any]) -> None:
    """Do what the tests ask, until they end.

    Args:
        scope: the program's names.
    """
    channel = Channel()
    objects: list[Any] = []

    def refer(value: Any) -> Any:
        objects.append(value)
        return {
            "remote": {
                "ref": len(objects) - 1,
                "text": _text(value),
                "plain": isinstance(value, _PLAIN),
                "class": _class(value),
            }
            | ({"awaited": True} if hasattr(type(value), "__await__") else {})
        }

    def resolve(kind: str, body: Any) -> Any:
        if kind == "name":
            return eval(body, scope)
        if kind == "ref":
            return objects[body]
        if kind == "pickle":
            import pickle

            return pickle.loads(bytes.fromhex(body))
        return _Callback(channel, body, refer, resolve)

    while True:
        try:
            request = channel.receive()
        except ProgramEnded:
            return
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                answer = _act(request, refer, resolve)
        except ProgramEnded:
            return
        except BaseException as error:  # whatever a program raises is for the tests to see
            answer = {"error": _kinds(type(error)), "text": _text(error)[:300]}
        channel.send(answer | {"printed": printed.getvalue()[:LONGEST]})


def _act(request: dict[str, Any], refer: Callable[..., Any], resolve: Callable[..., Any]) -> dict[str, Any]:
    """One operation on one object of the program."""
    target = decode(request["of"], resolve)
    before = [json.dumps(form) for form in request["arguments"]]  # decoding may keep a form's lists as the value's
    arguments = [decode(form, resolve) for form in request["arguments"]]
    keywords = {name: decode(form, resolve) for name, form in request.get("keywords", {}).items()}
    if request["do"] != "call":
        value = _OPERATIONS[request["do"]](target, *arguments)
        return {"value": encode(value, refer=refer)}
    watched = [index for index, argument in enumerate(arguments) if isinstance(argument, MUTABLE)]
    for index in watched:
        if any(kind in before[index] for kind in _REFERENCES):
            before[index] = json.dumps(encode(arguments[index]))
    value = target(*arguments, **keywords)
    changed = {}
    for index in watched:
        if json.dumps(encode(arguments[index])) != before[index]:
            changed[str(index)] = encode(arguments[index], refer=refer)
    return {"value": encode(value, refer=refer), "changed": changed}


class _Callback:
    """A function of the tests, in the program's process."""

    def __init__(self, channel: Channel, number: int, refer: Callable[..., Any], resolve: Callable[..., Any]) -> None:
        self._parts = channel, number, refer, resolve

    def __call__(self, *arguments: Any) -> Any:
        channel, number, refer, resolve = self._parts
        channel.send({"callback": number, "arguments": [encode(argument, refer=refer) for argument in arguments]})
        answer = channel.receive()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return decode(answer["value"], resolve)


def _kinds(kind: type[BaseException]) -> list[str]:
    """The names of an exception's class and of its bases."""
    return [base.__name__ for base in kind.__mro__[:20]]


def _class(value: Any) -> str:
    try:
        return str(type(value).__name__)[:100]
    except BaseException:  # its metaclass is the program's code too
        return ""


def _text(value: Any) -> str:
    try:
        return str(value)[:1000]
    except BaseException as another:  # its __str__ is the program's code too
        return f"(its text raised {type(another).__name__})"


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "plain": lambda value: decode(encode(value)),
    "enter": lambda value: value.__enter__(),
    "exit": lambda value: value.__exit__(None, None, None),
    "exception": lambda kind: _kinds(kind) if isinstance(kind, type) and issubclass(kind, Exception) else None,
    "await": lambda value: _run_coroutine(value),
    "get": getattr,
    "set": setattr,
    "len": len,
    "iter": iter,
    "next": next,
    "bool": bool,
    "repr": repr,
    "hash": hash,
    "abs": abs,
    "neg": operator.neg,
    "int": int,
    "float": float,
    "instance": lambda kind, value: isinstance(value, kind),
    "getitem": operator.getitem,
    "setitem": operator.setitem,
    "delitem": operator.delitem,
    **{name: getattr(operator, name) for name in [*BINARY, "eq", "ne", *ORDER]},
}


def _run_coroutine(value: Any) -> Any:
    import asyncio  # here, since few programs need it and every program's process would be a fork of one that holds it

    async def wait() -> Any:
        return await value

    return asyncio.run(wait())
