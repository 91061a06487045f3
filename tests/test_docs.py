"""What the documentation shows works: every code block of every page is run, or loaded where it needs more than that.

- `python` blocks of a page are run in their order, in one namespace and one folder.
- A `yaml` block with a title is a file of that name; it must be a config, or be read by a command of the page. One
  without a title is the rest of a config, over `configs/grpo.yaml`.
- A `bash` block with a title is a script, which bash has to be able to read; tests of its own run it.
- Commands in other `bash` blocks are run, training ones with a policy and steps of seconds. After
  `<!-- not run: WHY -->` they are read by the command line, and the configs that they name are loaded.
- `text` blocks show output or equations.
"""

import contextlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import yaml

from rewards import REWARDS
from rl.cli import cli
from rl.config import Config, load, load_stages
from rl.config.section import Section
from tests.rl.conftest import SMALL, SMALL_ONLINE
from verifiers import VERIFIERS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TESTED_ELSEWHERE = ("examples.md", "log.md", "verifiers.md", "verifiers_code.md", "verifiers_math.md")
"""Pages with tests of their own, or of records alone."""
PAGES = [file for file in sorted(DOCS.rglob("*.md")) if str(file.relative_to(DOCS)) not in TESTED_ELSEWHERE]
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<why>[^>]+) -->\n+)?^```(?P<kind>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
KINDS = {"python", "yaml", "bash", "text"}
QUIET = {"NO_MKDOCS_2_WARNING": "1"}
ROUNDS = ("dpo", "orpo", "star", "quark")


def overrides(config):
    """What makes a run of a config one of seconds."""
    small = SMALL if Path(config).stem in ROUNDS else SMALL_ONLINE
    if Path(config).stem in ROUNDS:
        small = {**small, "algorithm.rounds": 1, "algorithm.prompts": 16}
    return [f"{key}={value}" for key, value in small.items()]


def commands(code):
    """The commands of a block, with lines joined and comments left out."""
    lines = (shlex.split(line, comments=True) for line in code.replace("\\\n", " ").splitlines())
    return [line for line in lines if line]


def load_any(config, given):
    """Load a config of one run or of stages."""
    assert load_stages(config, given) or load(config, given)


def read(command):
    """A command that is not run must still be one: its options are known, and the config it names loads."""
    while "=" in command[0]:  # an environment variable
        command = command[1:]
    if command[0] == "whetstone":
        arguments = command[1:]
        with contextlib.suppress(SystemExit):
            cli.make_context("whetstone", arguments[:], resilient_parsing=True)
        group, rest = cli, arguments
        while rest and rest[0] in getattr(group, "commands", {}):
            group, rest = group.commands[rest[0]], rest[1:]
        context = group.make_context("whetstone", rest[:])
        if "config" in context.params:
            load_any(context.params["config"], context.params["overrides"])
    elif command[0] == "accelerate":
        _, config, *given = command[command.index("-m") + 1 :]
        assert Path(command[command.index("--config_file") + 1]).exists()
        load_any(config, given)
    elif command[0] == "make":
        assert re.search(rf"^{command[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), command
    else:
        assert command[0] in ("pip", "vllm", "git", "cd", "python", "wandb", "tensorboard"), command


def run(command):
    """A command, in this process; a training one on a small scale."""
    if command[0] != "whetstone":
        return read(command)
    arguments = command[1:]
    if arguments[0] in ("train", "sample", "preflight"):
        name, config, *given = arguments
        # a run that a page extends by its own steps ends here after twice the steps of a small one
        longer = f"trainer.max_steps={2 * SMALL['trainer.max_steps']}"
        given = [longer if one.startswith("trainer.max_steps=") else one for one in given]
        arguments = [name, config, *overrides(config), *given]
    cli.main(arguments, prog_name="whetstone", standalone_mode=False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS).with_suffix("")))
def test_its_code_works(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("WANDB_MODE", "disabled")
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    text = page.read_text(encoding="utf-8")
    namespace, files = {"__name__": "page"}, []
    assert text.count("\n```") == 2 * len(list(BLOCK.finditer(text))), "a block has no kind, or no end"
    for block in BLOCK.finditer(text):
        kind, code = block["kind"], block["code"]
        assert kind in KINDS, kind
        if kind == "yaml" and block["title"]:
            Path(block["title"]).write_text(code)
            files.append(block["title"])
            if "algorithm" in code or "include" in code:
                load_any(block["title"], [])
        elif kind == "yaml":
            Path("rest.yaml").write_text(f"include: configs/grpo.yaml\n{code}" if "include:" not in code else code)
            load_any("rest.yaml", [])
        elif kind == "python" and block["title"]:
            Path(block["title"]).write_text(code)
            compile(code, block["title"], "exec")
            files.append(block["title"])
        elif kind == "python":
            exec(compile(code, str(page), "exec"), namespace)
        elif kind == "bash" and block["title"]:
            subprocess.run(["bash", "-n", "-c", code], check=True)
        elif kind == "bash":
            for command in commands(code):
                read(command) if block["why"] else run(command)
    for file in files:
        if file.endswith(".yaml"):
            yaml.safe_load(Path(file).read_text())


def test_links_inside_the_documentation_lead_somewhere():
    for page in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not target.startswith(("http://", "https://")):
                assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_the_site_is_built_strictly_and_loads_nothing_from_elsewhere(tmp_path):
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(site)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **QUIET})
    assert done.returncode == 0, done.stdout + done.stderr
    for page in site.rglob("*.html"):
        loaded = re.findall(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=\"https?://[^\"]+", page.read_text())
        assert not loaded, f"{page.name} loads {loaded[0]}"
    config = (site / "reference" / "config.html").read_text()
    assert "<!-- config" not in config
    for section in ("whiten_advantages", "split_column", "gate_at", "completions_every", "wrong_step_weight"):
        assert f"<code>{section}</code>" in config, section


def test_every_page_is_in_the_navigation():
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    named = set(re.findall(r"[\w/]+\.md", str(config["nav"])))
    there = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert named == there


@pytest.mark.parametrize(("page", "names"), [("rewards", REWARDS), ("verifiers", VERIFIERS)])
def test_every_reward_and_verifier_has_its_docstring_and_an_example(page, names):
    text = (DOCS / "reference" / f"{page}.md").read_text()
    for name, module in names.items():
        part = text[text.index(f"### `{name}`") :].split("\n## ")[0].split("\n### ")[0]
        assert f"<!-- docstring {module} -->" in part and "```" in part, name


def test_the_config_page_has_every_section():
    text = (DOCS / "reference" / "config.md").read_text()
    named = set(re.findall(r"<!-- config (\w+) -->", text))
    waiting, seen = [Config], {Config}
    while waiting:
        for field in waiting.pop().model_fields.values():
            for kind in sections_in(field.annotation) - seen:
                seen.add(kind)
                waiting.append(kind)
    assert named == {kind.__name__ for kind in seen}


def sections_in(annotation):
    """The sections that an annotation is made of."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return {annotation}
    return {found for part in get_args(annotation) for found in sections_in(part)}
