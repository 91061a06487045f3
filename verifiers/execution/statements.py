"""Tests that are statements: which expression the program's process is given, and what is compared outside."""

from __future__ import annotations

import ast
import builtins
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from verifiers.execution.comparison import literal
from verifiers.execution.suite import BadTest, Suite, Test

_OUTSIDE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, wanted: value in wanted,
    ast.NotIn: lambda value, wanted: value not in wanted,
}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_IMPORTS = (ast.Import, ast.ImportFrom)
_PREPARATIONS = (*_IMPORTS, *_FUNCTIONS, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign)
_PROGRAM_MODULES = ("solution", "main", "program", "submission", "answer", "your_module", "module", "source", "task")
_SIMPLE = (
    ast.Call,
    ast.Name,
    ast.Attribute,
    ast.Subscript,
    ast.Constant,
    ast.List,
    ast.Tuple,
    ast.Set,
    ast.Dict,
    ast.Starred,
    ast.keyword,
    ast.expr_context,
)


def parse_statements(texts: Sequence[str], entry_point: str | None, given: frozenset[str]) -> Suite:
    """Read tests that are statements, or functions of them.

    Args:
        texts: Python.
        entry_point: what a function `check(candidate)` is called with; None where there is none.
        given: names that the caller defines, and so not the program.

    Raises:
        BadTest: one does not parse, or nothing is tested.
    """
    body: list[ast.stmt] = []
    for index, text in enumerate(texts):
        body += [line for line in _parsed(str(text), f"test {index}") if not _is_frame(line)]
    body = _calling(body, entry_point)
    body = _spliced(body)
    imported = {(a.asname or a.name).partition(".")[0] for s in body if isinstance(s, _IMPORTS) for a in s.names}
    own = imported | {s.name for s in body if isinstance(s, (*_FUNCTIONS, ast.ClassDef))}
    own |= {name for statement in body if not isinstance(statement, _FUNCTIONS) for name in _stored(statement)}
    own |= given - (_roots(entry_point) if entry_point else set())
    free = {name for statement in body for name in _loaded(statement)} - own
    needed = {name for statement in body for name in _called(statement)} - own
    needed = {name for name in needed if not hasattr(builtins, name)}
    if entry_point:
        needed |= _roots(entry_point)
    elif not needed:  # a program that is asked for `sum(a, b)`: the tests call nothing else
        needed = {
            name for statement in body if isinstance(statement, ast.Assert) for name in _outermost(statement)
        } - own
    names = needed | {name for name in free if not hasattr(builtins, name)}
    safe = (names | {name for s in body if isinstance(s, ast.Assign) for name in _stored(s)}) - imported
    within = [_within(statement, safe) for statement in body]
    whole = [_whole(statement) for statement in body]
    apart = None in within
    tests = whole if apart else [test for test in within if test is not None]
    if not any(test.counts for test in tests):
        raise BadTest("there are no tests")
    return Suite(tuple(tests), (), frozenset(needed), frozenset(names), apart)


def _parsed(text: str, what: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise BadTest(f"{what} does not parse: {error}") from None


def _is_frame(statement: ast.stmt) -> bool:
    """Whether a statement only starts a test runner, or imports the program as a module."""
    if isinstance(statement, ast.ImportFrom):
        return statement.module in _PROGRAM_MODULES
    text = ast.unparse(statement)
    return text.startswith("if __name__ ==") or bool(re.match(r"(?:unittest|pytest)\.main\(", text))


def _calling(body: list[ast.stmt], entry_point: str | None) -> list[ast.stmt]:
    """The statements with calls of the test functions that nothing calls yet: `check(candidate)`, `test_…()`."""
    called = {name for statement in body if not isinstance(statement, _FUNCTIONS) for name in _called(statement)}
    body = list(body)
    for case in [s for s in body if isinstance(s, ast.ClassDef) and any("TestCase" in ast.unparse(b) for b in s.bases)]:
        methods = [m.name for m in case.body if isinstance(m, ast.FunctionDef)]
        first = [f"{case.name}.setUpClass()"] if "setUpClass" in methods else []
        runs = [f"{case.name}({name!r}).debug()" for name in methods if name.startswith("test")]
        body += _parsed("\n".join(first + runs), "a test case")
    for function in [statement for statement in body if isinstance(statement, ast.FunctionDef)]:
        if function.name in called:
            continue
        parameters = len(function.args.posonlyargs + function.args.args) - len(function.args.defaults)
        if function.name == "check" and parameters == 1:
            if not entry_point:
                raise BadTest("tests as a function check(candidate) need entry_point, the name of what it checks")
            body += _parsed(f"check({entry_point})", "entry_point")
        elif function.name.startswith("test") and parameters == 0:
            body += _parsed(f"{function.name}()", "a test")
    return body


def _spliced(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements with each call of a test function replaced by what it does, so that each of its asserts counts."""
    functions = {s.name: s for s in body if isinstance(s, ast.FunctionDef)}
    outside = {name for s in body if not isinstance(s, _FUNCTIONS) for name in (*_stored(s), *_loaded(s))} | set(
        functions
    )
    result: list[ast.stmt] = []
    gone: set[str] = set()
    for statement in body:
        call = statement.value if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) else None
        name = call.func.id if call and isinstance(call.func, ast.Name) else ""
        function = functions.get(name)
        if call is None or function is None or call.keywords or not _can_splice(function, len(call.args), outside):
            result.append(statement)
            continue
        gone.add(name)
        replace = _Replace(dict(zip([a.arg for a in function.args.args], call.args, strict=True)))
        lines = [line for line in function.body if not _is_constant(line)]
        result += [ast.fix_missing_locations(replace.visit(line)) for line in lines]
    return [s for s in result if not (isinstance(s, ast.FunctionDef) and s.name in gone)]


def _can_splice(function: ast.FunctionDef, arguments: int, outside: set[str]) -> bool:
    """Whether a test function does the same as its statements alone would."""
    plain = function.args
    if (
        function.decorator_list
        or plain.posonlyargs
        or plain.kwonlyargs
        or plain.vararg
        or plain.kwarg
        or plain.defaults
    ):
        return False
    inner = list(ast.walk(function))
    if any(isinstance(n, (ast.Return, ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal)) for n in inner):
        return False
    stored = {name for line in function.body for name in _stored(line)}
    return len(plain.args) == arguments and not stored & (outside | {argument.arg for argument in plain.args})


class _Replace(ast.NodeTransformer):
    """Puts expressions in the place of a function's parameters."""

    def __init__(self, values: dict[str, ast.expr]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._values.get(node.id, node)


def _within(statement: ast.stmt, safe: set[str]) -> Test | None:
    """The test that a statement is in the program's own process; None where it would be decided there."""
    text = ast.unparse(statement)
    if isinstance(statement, _IMPORTS):
        return Test(text, ("passes", text), None, False)
    if isinstance(statement, ast.Assign) and all(isinstance(target, ast.Name) for target in statement.targets):
        simple = _is_literal(statement.value) or _is_simple(statement.value, safe)
        return Test(text, ("passes", text), None, False) if simple else None
    if isinstance(statement, ast.Expr):  # it only changes what comes after it: whether it raises is not asked
        return Test(text, ("passes", text), None, False) if _is_simple(statement.value, safe) else None
    if not isinstance(statement, ast.Assert):
        return None
    split = _compared_outside(statement.test)
    if split is None or not _is_simple(split[0], safe):
        return None
    return Test(text, ("value", ast.unparse(split[0])), split[1], True)


def _whole(statement: ast.stmt) -> Test:
    text = ast.unparse(statement)
    if isinstance(statement, ast.Assert) and isinstance(statement.test, ast.Compare):
        split = _compared_outside(statement.test)
        if split is not None:
            return Test(text, ("value", ast.unparse(split[0])), split[1], True)
    return Test(text, ("passes", text), None, not isinstance(statement, _PREPARATIONS) and not _only_shows(statement))


def _only_shows(statement: ast.stmt) -> bool:
    """Whether a statement calls a builtin and nothing more, so that it tests nothing: `print(f(3))`."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and hasattr(builtins, call.func.id)


def _compared_outside(condition: ast.expr) -> tuple[ast.expr, Callable[[Any], bool]] | None:
    """The expression of a comparison with a literal, and the rest of it as a function; None for anything else."""
    if isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not):
        return condition.operand, lambda value: not value
    if not isinstance(condition, ast.Compare):
        return condition, bool
    if len(condition.ops) != 1:
        return None
    left, kind, right = condition.left, type(condition.ops[0]), condition.comparators[0]
    try:
        wanted = literal(right)
    except ValueError:
        if kind not in (ast.Eq, ast.NotEq):  # the same either way round: `assert 9 == f(3)`
            return None
        try:
            wanted = literal(left)
        except ValueError:
            return None
        left = right
    if kind in (ast.Is, ast.IsNot) and not (wanted is None or isinstance(wanted, bool)):
        return None  # which of two equal numbers it is does not travel
    compare = _OUTSIDE[kind]
    return left, lambda value: bool(compare(value, wanted))


def _is_simple(expression: ast.expr, safe: set[str]) -> bool:
    """Whether an expression only calls the program: it compares nothing, and uses no builtin and nothing imported."""
    for node in ast.walk(expression):
        if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
            continue
        if isinstance(node, ast.Name) and node.id not in safe:
            return False
        if not isinstance(node, (*_SIMPLE, ast.USub, ast.UAdd)):
            return False
    return not _is_literal(expression)


def _is_literal(expression: ast.expr) -> bool:
    try:
        ast.literal_eval(expression)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return False
    return True


def _is_constant(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _stored(node: ast.AST) -> set[str]:
    found = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    return found | {n.name for n in ast.walk(node) if isinstance(n, (*_FUNCTIONS, ast.ClassDef))}


def _loaded(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _called(node: ast.AST) -> set[str]:
    return {n.func.id for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}


def _outermost(statement: ast.Assert) -> set[str]:
    """The names that the sides of an assertion call first."""
    condition = statement.test.operand if isinstance(statement.test, ast.UnaryOp) else statement.test
    sides = [condition.left, *condition.comparators] if isinstance(condition, ast.Compare) else [condition]
    return {s.func.id for s in sides if isinstance(s, ast.Call) and isinstance(s.func, ast.Name)}


def _roots(entry_point: str) -> set[str]:
    """The names in an expression."""
    return {name for statement in _parsed(entry_point, "entry_point") for name in _loaded(statement)}
