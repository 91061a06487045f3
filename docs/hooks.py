"""What mkdocs fills into pages: the config's keys from its pydantic sections, and the docstrings of modules.

<!-- config SECTION -->     a table of the keys of a class of `rl.config`
<!-- docstring MODULE -->   what the module's docstring says, its formulas as they are written
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, get_args

from markdown.extensions.toc import slugify
from pydantic_core import PydanticUndefined

import rl.config

ROOT = Path(__file__).parents[1]
MARK = re.compile(r"^<!-- (config|docstring) ([\w.]+) -->$", re.MULTILINE)
HEADING = re.compile(r"^#+ (?P<title>.+)\n(?:(?!#).*\n)*?<!-- config (?P<section>\w+) -->$", re.MULTILINE)
CELL = re.compile(r"<td>.*?</td>", re.DOTALL)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """mkdocs calls this for each page before it is rendered."""
    return filled(markdown)


def on_page_content(html: str, **_: Any) -> str:
    """mkdocs calls this for each page as HTML: long names in tables may be broken after a slash or an underscore."""

    def broken(code: re.Match[str]) -> str:
        return re.sub(r"([/_])(?=\w)", r"\1<wbr>", code[0]) if len(code[1]) > 20 else code[0]

    return CELL.sub(lambda cell: re.sub(r"(?<=<code>)([\w/.]+)(?=</code>)", broken, cell[0]), html)


def filled(markdown: str) -> str:
    """A page with its marks filled in.

    Raises:
        AttributeError: a section that is not there.
        ModuleNotFoundError: a module that is not there.
    """
    titles = {found["section"]: found["title"] for found in HEADING.finditer(markdown)}
    links = {name: f"[{title}](#{slugify(title.replace('`', ''), '-')})" for name, title in titles.items()}
    fill = {"config": lambda section: config_table(section, links), "docstring": module_text}
    return MARK.sub(lambda mark: fill[mark[1]](mark[2]), markdown)


def config_table(section: str, links: Mapping[str, str]) -> str:
    """The keys of a section of the config: key, type, default, meaning.

    Args:
        section: the name of a class in `rl.config.sections` or one of its neighbours.
        links: the name of such a class → a link to its table, if it is on the same page.
    """
    kind = _section(section)
    meanings = _meanings(kind)
    lines = [inspect.getdoc(kind) or "", "", "| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in kind.model_fields.items():
        meaning = meanings.get(name) or _about(field.annotation)
        cells = (f"`{field.alias or name}`", _type(field.annotation, links), _default(field), meaning)
        lines.append("| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |")
    return "\n".join(lines)


def module_text(module: str) -> str:
    """The docstring of a module, with formulas between dollars as code.

    Args:
        module: with dots, such as `rewards.length`.
    """
    text = inspect.getdoc(importlib.import_module(module)) or ""
    text = re.sub(r"\$\$\s*(.+?)\s*\$\$", lambda found: f"\n\n```text\n{found[1]}\n```\n\n", text, flags=re.DOTALL)
    return re.sub(r"(?<!\\)\$([^$\n]+?)\$", r"`\1`", text)


def _section(name: str) -> Any:
    for module in iter_modules(rl.config.__path__, "rl.config."):
        found = getattr(importlib.import_module(module.name), name, None)
        if isinstance(found, type):
            return found
    raise AttributeError(f"no section of the config is called {name}")


def _meanings(kind: type) -> dict[str, str]:
    """Field → the text under it in the source, those of its base classes included."""
    meanings: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if not one.__module__.startswith("rl."):
            continue
        (body,) = ast.parse(inspect.getsource(one)).body
        assert isinstance(body, ast.ClassDef)
        for before, after in zip(body.body, body.body[1:], strict=False):
            text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else None
            if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name) and isinstance(text, str):
                meanings[before.target.id] = inspect.cleandoc(text)
    return meanings


def _about(annotation: Any) -> str:
    """The first sentence about the section that an annotation names; empty if it names none, or several."""
    (name, *others) = re.findall(r"rl\.config\.\w+\.(\w+)", str(annotation)) or [""]
    text = "" if others or not name else inspect.getdoc(_section(name)) or ""
    return re.split(r"(?<=\.)\s", text, maxsplit=1)[0]


def _type(annotation: Any, links: Mapping[str, str]) -> str:
    """An annotation as a reader wants it: the choices of a Literal, links to sections, and no module names."""
    inner = get_args(annotation)
    if not inner:
        name = getattr(annotation, "__name__", str(annotation))
        return "none" if annotation is type(None) else links.get(name, f"`{name}`")
    origin = str(annotation)
    if origin.startswith("typing.Literal"):
        return ", ".join(f"`{value}`" for value in inner)
    if origin.startswith("typing.Annotated"):
        return _type(inner[0], links)
    if origin.startswith(("list", "dict", "tuple")):
        return f"{origin.split('[')[0]} of {', '.join(_type(one, links) for one in inner)}"
    return " or ".join(_type(one, links) for one in inner)


def _default(field: Any) -> str:
    if field.default is PydanticUndefined:
        return "needed" if field.default_factory is None else ""
    if hasattr(field.default, "model_fields"):
        return "its own defaults"
    return f"`{field.default}`" if field.default is not None else "none"
