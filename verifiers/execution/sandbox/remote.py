"""Lets tests call a program that runs in another process: the values travel, the objects stay where they are.

The tests run in a process of their own, where nothing of the program ever runs. There a name of the program is a `Remote`:
calling it sends the arguments over the channel, and what comes back is a plain value (`values.py`) that Python's own `==`
compares, or a `Remote` again for an object of the program's. So the program can patch `assert`'s parts, builtins and
modules, and return objects that equal everything: it changes its own process alone. An argument that the program changes
in place is changed in the tests, too.

A program can answer what it likes. It is never told what answer is wanted.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import inspect
import io
import json
import operator
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from verifiers.execution.sandbox.values import Other, decode, encode

CHANNEL = 4
"""The file descriptor of the channel, in both processes."""
_LONGEST = 16_000_000
_MUTABLE = (list, dict, set, bytearray)
_PLAIN = (str, int, float, tuple, frozenset, *_MUTABLE)
_ORDER = ("lt", "le", "gt", "ge")
_BINARY = "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift".split()  # noqa: SIM905


class ProgramEnded(BaseException):
    """The program's process ended, or answered with something unreadable. No `except Exception` of a test catches it."""


class ProgramError(Exception):
    """An exception that the program raised and that is none of Python's own."""


class Channel:
    """Lines of JSON to the other process and back.

    Attributes:
        broken: why nothing can be said any more; empty as long as it can.
    """

    def __init__(self) -> None:
        self.broken = ""
        self._received = b""

    def send(self, message: dict[str, Any]) -> None:
        """Send a message.

        Raises:
            ProgramEnded: the other process is gone.
        """
        data = json.dumps(message).encode() + b"\n"
        try:
            while data:
                data = data[os.write(CHANNEL, data) :]
        except OSError:
            raise self._end("the program ended before the tests did") from None

    def receive(self) -> dict[str, Any]:
        """The next message.

        Raises:
            ProgramEnded: the other process is gone, or what it sent is no message.
        """
        parts = [self._received]
        while b"\n" not in parts[-1]:
            try:
                part = os.read(CHANNEL, 1 << 16)
            except OSError:  # the other process ended with something of ours unread
                part = b""
            if not part:
                raise self._end("the program ended before the tests did")
            parts.append(part)
            if len(parts) > 1000 and sum(map(len, parts)) > _LONGEST:
                raise self._end("an answer of the program is too long")
        line, _, self._received = b"".join(parts).partition(b"\n")
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            raise self._end("an answer of the program cannot be read")
        return message

    def _end(self, why: str) -> ProgramEnded:
        self.broken = why
        return ProgramEnded(why)


# In the program's process


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
            "remote": {"ref": len(objects) - 1, "text": _text(value), "plain": isinstance(value, _PLAIN)}
            | ({"awaited": True} if inspect.isawaitable(value) else {})
        }

    def resolve(kind: str, body: Any) -> Any:
        if kind == "name":
            return eval(body, scope)
        if kind == "ref":
            return objects[body]
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
        channel.send(answer | {"printed": printed.getvalue()[:_LONGEST]})


def _act(request: dict[str, Any], refer: Callable[..., Any], resolve: Callable[..., Any]) -> dict[str, Any]:
    """One operation on one object of the program."""
    target = decode(request["of"], resolve)
    arguments = [decode(form, resolve) for form in request["arguments"]]
    keywords = {name: decode(form, resolve) for name, form in request.get("keywords", {}).items()}
    if request["do"] != "call":
        value = _OPERATIONS[request["do"]](target, *arguments)
        return {"value": encode(value, refer=refer)}
    watched = {index: json.dumps(encode(a)) for index, a in enumerate(arguments) if isinstance(a, _MUTABLE)}
    value = target(*arguments, **keywords)
    changed = {}
    for index, before in watched.items():
        if json.dumps(encode(arguments[index])) != before:
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
    "await": lambda value: asyncio.run(_await(value)),
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
    **{name: getattr(operator, name) for name in [*_BINARY, "eq", "ne", *_ORDER]},
}
_TELLING = (*_BINARY, *_ORDER)
"""Operations that would hand the program's object what it is compared with, and let it say how the comparison ends."""


# In the tests' process


class Tests:
    """The tests' side of the channel.

    Attributes:
        channel: to the program.
    """

    def __init__(self) -> None:
        self.channel = Channel()
        self._functions: list[Callable[..., Any]] = []
        self._exceptions: dict[str, type[Exception]] = {}

    def bind(self, name: str) -> Any:
        """What stands for a name of the program in the tests: a class of their own for one of its exceptions."""
        remote = Remote(self, {"name": name})
        try:
            kinds = self.ask("exception", remote._form)
        except Exception:  # the program has no such name: the test that uses it is to fail, not all of them
            return remote
        if not isinstance(kinds, list):
            return remote
        base = self._exception(kinds[1:])
        self._exceptions[name] = type(name, (base,), {})
        return self._exceptions[name]

    def _exception(self, kinds: Any) -> type[Exception]:
        """The class to raise for an exception of the program's: its own, or Python's of the first name that has one."""
        for name in kinds if isinstance(kinds, list) else ():
            if str(name) in self._exceptions:
                return self._exceptions[str(name)]
            kind = getattr(builtins, str(name), None)
            if isinstance(kind, type) and issubclass(kind, Exception) and kind is not Exception:
                return ValueError if issubclass(kind, UnicodeError) else kind  # those take five arguments
        return ProgramError

    def ask(self, do: str, target: Any, arguments: tuple[Any, ...] = (), keywords: dict[str, Any] | None = None) -> Any:
        """Have the program's process do something with one of its objects; what came of it.

        Args:
            do: an operation of `_OPERATIONS`, or `call`.
            target: the form of the object.
            arguments: values, remote objects, or functions of the tests.
            keywords: the same by name, for a call.

        Raises:
            ProgramEnded: the program is gone.
            Exception: what the program raised: the nearest of Python's own exceptions that it is one of.
        """
        forms = [encode(argument, refer=self._refer) for argument in arguments]
        named = {name: encode(value, refer=self._refer) for name, value in (keywords or {}).items()}
        self.channel.send({"do": do, "of": target, "arguments": forms, "keywords": named})
        answer = self.channel.receive()
        while "callback" in answer:
            self.channel.send(self._called_back(answer))
            answer = self.channel.receive()
        sys.stdout.write(str(answer.get("printed", "")))  # to wherever the tests have it go
        try:
            if "error" in answer:
                raise self._exception(answer["error"])(str(answer.get("text", "")))
            for index, form in answer.get("changed", {}).items():
                _change(arguments[int(index)], decode(form, self._resolve))
            return decode(answer["value"], self._resolve)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
            if "error" in answer:
                raise
            raise self.channel._end("an answer of the program cannot be read") from None

    def _called_back(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            arguments = [decode(form, self._resolve) for form in request["arguments"]]
            return {"value": encode(self._functions[request["callback"]](*arguments), refer=self._refer)}
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"[:300]}

    def _refer(self, value: Any) -> Any:
        if isinstance(value, Remote):
            return value._form
        if callable(value):
            self._functions.append(value)
            return {"function": len(self._functions) - 1}
        raise TypeError(f"tests cannot hand a {type(value).__name__} to a program that runs in another process")

    def _resolve(self, kind: str, body: Any) -> Any:
        if kind != "remote":
            raise ValueError(f"no kind of value is called {kind!r}")
        remote = Remote(self, {"ref": int(body["ref"])}, body["plain"] is True, str(body["text"]))
        return _awaited(remote) if body.get("awaited") is True else remote


class Remote:
    """A name or an object of the program, in the tests' process. It equals no plain value, whatever it says of itself."""

    def __init__(self, tests: Tests, form: dict[str, Any], plain: bool = False, text: str = "") -> None:
        self.__dict__.update(_tests=tests, _form=form, _is_plain=plain, _text=text)

    def _ask(self, do: str, *arguments: Any) -> Any:
        return self._tests.ask(do, self._form, arguments)

    def _plain(self) -> Any:
        """The plain value of an object whose class is the program's own kind of list, number or the like; else itself."""
        return self._ask("plain") if self._is_plain else self

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:  # noqa: D102
        return self._tests.ask("call", self._form, arguments, keywords)

    def __getattr__(self, name: str) -> Any:
        if (
            name.startswith("__")
            and name.endswith("__")
            and name not in ("__name__", "__class__", "__dict__", "__doc__")
        ):
            raise AttributeError(name)
        return self._ask("get", name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._ask("set", name, value)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return str(self._ask("repr"))

    def __eq__(self, other: Any) -> bool:
        if isinstance(other, Remote):
            return bool(self._ask("eq", other))
        return self._is_plain and bool(self._plain() == other)

    def __ne__(self, other: Any) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self._plain()) if self._is_plain else int(self._ask("hash"))

    def __bool__(self) -> bool:
        return bool(self._plain()) if self._is_plain else self._ask("bool") is True

    def __len__(self) -> int:
        return int(self._ask("len"))

    def __iter__(self) -> Iterator[Any]:
        iterator = self._ask("iter")
        if not isinstance(iterator, Remote):
            yield from iterator
            return
        while True:
            try:
                value = iterator._ask("next")
            except StopIteration:
                return
            yield value

    def __contains__(self, value: Any) -> bool:
        return any(item == value for item in self)

    def __next__(self) -> Any:
        return self._ask("next")

    def __enter__(self) -> Any:
        return self._ask("enter")

    def __exit__(self, *_: object) -> None:
        self._ask("exit")

    def __instancecheck__(self, value: Any) -> bool:
        return self._ask("instance", value) is True


def _local_or_remote(name: str) -> Callable[..., Any]:
    def method(self: Remote, *arguments: Any) -> Any:
        if self._is_plain and name not in ("setitem", "delitem"):
            local = {"int": int, "float": float, "abs": abs}.get(name) or getattr(operator, name)
            return local(self._plain(), *arguments)
        if name in _TELLING and not isinstance(arguments[0], Remote):
            return NotImplemented
        return self._ask(name, *arguments)

    return method


for _name in [*_BINARY, *_ORDER, "getitem", "setitem", "delitem", "neg", "abs", "int", "float"]:
    setattr(Remote, f"__{_name.strip('_')}__", _local_or_remote(_name))


async def _awaited(remote: Remote) -> Any:
    """A coroutine of the tests that stands for one of the program's."""
    return remote._ask("await")


async def _await(value: Any) -> Any:
    return await value


def _change(argument: Any, after: Any) -> None:
    """Make an argument of the tests what the program made of its copy."""
    if type(argument) is not type(after) or not isinstance(argument, _MUTABLE):
        return
    argument.clear()
    argument.extend(after) if isinstance(argument, (list, bytearray)) else argument.update(after)


def check(job: dict[str, Any], guarded: Callable[[Callable[[], Any]], str | None], write: Callable[..., None]) -> None:
    """Run tests against the program at the other end of the channel, and write what came of each.

    Args:
        job: `setup`, statements to run first; `names`, those that are the program's; `tests`, pairs of `value` and an
            expression, or `passes` and statements.
        guarded: does something; the error it ended with as text, or None.
        write: writes a record to the results.
    """
    tests = Tests()
    scope: dict[str, Any] = {"__name__": "__tests__"}
    error = guarded(lambda: exec(compile(job["setup"], "<setup>", "exec"), scope))
    with contextlib.suppress(ProgramEnded):  # the first test will say so
        for name in job["names"]:
            scope[name] = tests.bind(name)
    for index, (how, text) in enumerate(job["tests"]) if error is None else ():
        done: list[dict[str, Any]] = []

        def run(how: str = how, text: str = text, done: list[dict[str, Any]] = done) -> None:
            if how == "passes":
                exec(compile(text, "<test>", "exec"), scope)
                done.append({"passed": True})
            else:
                value = eval(compile(text, "<test>", "eval"), scope)
                done.append({"value": encode(value._plain() if isinstance(value, Remote) else value)})

        raised = guarded(run)
        if tests.channel.broken:
            write({"test": index, "error": tests.channel.broken})
            break
        write({"test": index, **(done[0] if done else {"error": raised or "it ended the tests"})})
    write({"end": None if error is None else f"setup: {error}"})


__all__ = ["CHANNEL", "Other", "ProgramEnded", "Remote", "Tests", "check", "serve"]
