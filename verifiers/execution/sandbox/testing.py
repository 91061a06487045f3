"""The tests' side of a program that runs in another process: the values travel, the objects stay where they are.

Nothing of the program ever runs here. A name of the program is a `Remote`: calling it sends the arguments over the
channel, and what comes back is a plain value (`values.py`) that Python's own `==` compares, or a `Remote` again for an
object of the program's. So the program can patch builtins, modules and all that an `assert` relies on, and return
objects that equal everything: it changes its own process alone. What it changes in its arguments is changed in the
tests, too.
"""

from __future__ import annotations

import builtins
import contextlib
import operator
import pickle
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from verifiers.execution.sandbox.channel import BINARY, MUTABLE, ORDER, Channel, ProgramEnded
from verifiers.execution.sandbox.values import decode, encode

_TELLING = (*BINARY, *ORDER)
"""Operations that would hand the program's object what it is compared with, and let it say how the comparison ends."""


class ProgramError(Exception):
    """An exception that the program raised and that is none of Python's own."""


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
            raise self.channel.end("an answer of the program cannot be read") from None

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
        return {"pickle": pickle.dumps(value).hex()}  # reading it is the program's risk, not ours

    def _resolve(self, kind: str, body: Any) -> Any:
        if kind != "remote":
            raise ValueError(f"no kind of value is called {kind!r}")
        of = _remote_class(str(body.get("class", "")))
        remote = of(self, {"ref": int(body["ref"])}, body["plain"] is True, str(body["text"]))
        return _awaited(remote) if body.get("awaited") is True else remote


class Remote:
    """A name or an object of the program, in the tests' process. It equals no plain value, whatever its class says."""

    def __init__(self, tests: Tests, form: dict[str, Any], plain: bool = False, text: str = "") -> None:
        self.__dict__.update(_tests=tests, _form=form, _is_plain=plain, _text=text)

    def _ask(self, do: str, *arguments: Any) -> Any:
        return self._tests.ask(do, self._form, arguments)

    def _plain(self) -> Any:
        """The plain value of an object whose class is a list, number or the like of the program's; else itself."""
        return self._ask("plain") if self._is_plain else self

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:  # noqa: D102  # a call of the program's object
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
        if isinstance(other, type) and issubclass(other, Remote):  # `type(found) == Stack`
            return self._ask("get", "__name__") == other.__name__
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


@lru_cache(maxsize=1000)
def _remote_class(name: str) -> type[Remote]:
    """The class of the objects of a class of the program: its name is what `type(found).__name__` says in a test."""
    return type(name, (Remote,), {}) if name.isidentifier() else Remote


def _local_or_remote(name: str) -> Callable[..., Any]:
    def method(self: Remote, *arguments: Any) -> Any:
        if self._is_plain and name not in ("setitem", "delitem"):
            local = {"int": int, "float": float, "abs": abs}.get(name) or getattr(operator, name)
            return local(self._plain(), *arguments)
        if name in _TELLING and not isinstance(arguments[0], Remote):
            return NotImplemented
        return self._ask(name, *arguments)

    return method


for _name in [*BINARY, *ORDER, "getitem", "setitem", "delitem", "neg", "abs", "int", "float"]:
    setattr(Remote, f"__{_name.strip('_')}__", _local_or_remote(_name))


async def _awaited(remote: Remote) -> Any:
    """A coroutine of the tests that stands for one of the program's."""
    return remote._ask("await")


def _change(argument: Any, after: Any) -> None:
    """Make an argument of the tests what the program made of its copy."""
    if type(argument) is not type(after) or not isinstance(argument, MUTABLE):
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
