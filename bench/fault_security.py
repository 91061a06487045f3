"""Hostile configs, data, models and completions: none of them runs code, and nothing that is secret is written down."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from fault_kinds import Place, dies
from fault_runs import Broke, run, train
from harness import CONFIGS

from rl.storage.checkpoint_folders import seal
from tests.hostile import Hostile

SECRETS = {
    name: f"{name.lower().replace('_', '-')}-0123456789abcdef"
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "MY_PASSWORD")
}
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>[/b][link=http://x]y[/link] \x1b[2J\x1b]0;own\x07"


def _did_not_run(marker: Path) -> None:
    if marker.exists():
        raise Broke("the code ran")


def yaml_tags(place: Place) -> str:
    """A config with a tag that makes Python objects."""
    marker = place.folder / "it ran"
    file = place.folder / "hostile.yaml"
    file.write_text(f"name: !!python/object/apply:builtins.open ['{marker}', w]\n")
    said = run(place.folder, ["train", file], code=2).line
    _did_not_run(marker)
    return f"exit 2, {said[-70:]!r}"


def code_elsewhere(place: Place) -> str:
    """A config whose reward is a file outside of its folder and of the current one."""
    marker, code, configs = (place.folder / name for name in ("it ran", "code", "configs"))
    for folder in (code, configs, place.folder / "here"):
        folder.mkdir()
    (code / "mine.py").write_text(f"open({str(marker)!r}, 'w')\ndef mine(completions, **columns):\n    return []\n")
    include = f"include: {CONFIGS / 'grpo.yaml'}\n"
    (configs / "mine.yaml").write_text(f"{include}rewards: {{mine: {{function: '{code / 'mine.py'}:mine'}}}}\n")
    said = run(place.folder / "here", ["train", configs / "mine.yaml"], code=2, says="copy it there").line
    _did_not_run(marker)
    return f"exit 2, {said[-90:]!r}"


def code_in_data(place: Place) -> str:
    """A data set that is a pickle."""
    marker = place.folder / "it ran"
    (place.folder / "rows.jsonl").write_bytes(pickle.dumps(Hostile(marker)))
    file = place.folder / "mine.yaml"
    file.write_text(
        "name: mine\ntask: {name: dataset, data: rows.jsonl}\nrewards: {correctness: {weight: 1.0}}\n"
        f"policy: {{model: {place.whole('grpo') / 'model'}}}\nalgorithm: {{name: grpo}}\n"
    )
    said = run(place.folder, ["train", file], code=2)
    _did_not_run(marker)
    return f"exit 2, {said.line[-70:]!r}"


def code_of_a_model(place: Place) -> str:
    """A model whose config names code of its own."""
    marker, model = place.folder / "it ran", place.folder / "model"
    _copy(place.whole("grpo") / "model", model)
    config = json.loads((model / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Mine", "AutoModelForCausalLM": "mine.Mine"}}
    (model / "config.json").write_text(json.dumps(config))
    (model / "mine.py").write_text(f"open({str(marker)!r}, 'w')\n")
    said = run(place.folder, train("grpo", policy__model=str(model)), code=2).line
    _did_not_run(marker)
    return f"exit 2, {said[-90:]!r}"


def pickled_weights(place: Place) -> str:
    """A model whose weights are a pickle."""
    marker, model = place.folder / "it ran", place.folder / "model"
    _copy(place.whole("grpo") / "model", model)
    (model / "model.safetensors").unlink()
    (model / "pytorch_model.bin").write_bytes(pickle.dumps(Hostile(marker)))
    said = run(place.folder, train("grpo", policy__model=str(model)), code=2, says="convert it to safetensors").line
    _did_not_run(marker)
    return f"exit 2, {said[-90:]!r}"


def pickled_state(place: Place) -> str:
    """A checkpoint with a state that is a pickle, and a manifest that vouches for it."""
    marker = place.folder / "it ran"
    run(place.folder, train("grpo"), code=-9, prepare=dies("transformers:Trainer.training_step", 6))
    for checkpoint in (place.folder / "runs" / "grpo" / "checkpoints").glob("checkpoint-*"):
        for state in [*checkpoint.glob("*.pt"), *checkpoint.glob("*.pth")]:
            torch.save(Hostile(marker), state)
        seal(checkpoint)
    done = run(place.folder, train("grpo"), code=2)
    _did_not_run(marker)
    if "delete the folder" not in done.line:
        raise Broke("does not say what to do")
    return f"exit 2, {done.line[:110]!r} …"


def secret_in_a_config(place: Place) -> str:
    """A key as an option of a judge, and one that an interpolation takes from the environment."""
    key = SECRETS["OPENAI_API_KEY"]
    for option in (f"api_key={key}", "base_url=http://${oc.env:OPENAI_API_KEY}/v1"):
        given = [*train("grpo"), "rewards.judge.model=m", f"rewards.judge.options.{option}"]
        said = run(place.folder, given, code=2, environment=SECRETS)
        if key in said.err or key in said.out or "environment variable" not in said.line:
            raise Broke("shows the key, or does not say what to do")
    if (place.folder / "runs").exists():
        raise Broke("left a run folder")
    return f"exit 2, {said.line[:110]!r} …"


def secrets_in_the_environment(place: Place) -> str:
    """A run with tokens in its environment, with W&B and TensorBoard where they are there."""
    given = train("grpo", logging__wandb="offline")
    done = run(place.folder, given, environment={**SECRETS, "WANDB_MODE": "offline"})
    run(place.folder, ["report", "runs/grpo"], environment=SECRETS)
    files = [file for file in place.folder.rglob("*") if file.is_file()]
    texts: Mapping[str, bytes] = {str(file): file.read_bytes() for file in files}
    for name, text in {**texts, "output": (done.out + done.err).encode()}.items():
        for variable, secret in SECRETS.items():
            if secret.encode() in text:
                raise Broke(f"{name} has the value of {variable}")
    return f"in none of {len(files)} files, nor in what was printed"


def markup(place: Place) -> str:
    """Completions and prompts that are HTML, rich's markup and commands to a terminal, in score's page and tables."""
    rows = [{"prompt": f"1+1? {MARKUP}", "completion": f"1+1=2#{MARKUP}", "gold": "2"}] * 4
    (place.folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (place.folder / "mine.py").write_text(f"def mine(completions, **columns):\n    raise ValueError({MARKUP!r})\n")
    given = ["score", "rows.jsonl", "rewards.mine.function=mine.py:mine", "--html", "page.html"]
    done = run(place.folder, given)
    page = (place.folder / "page.html").read_text()
    if "<script>alert" in page or "<img src=x" in page:
        raise Broke("the page has the markup")
    if {"\x1b", "\x07"} & set(done.out + done.err) or "[link=http://x]y[/link]" not in done.out:
        raise Broke("the terminal got the markup")
    return "escaped in the page, shown as text on the terminal"


def _copy(model: Path, to: Path) -> None:
    to.mkdir()
    for file in model.iterdir():
        if file.is_file():
            (to / file.name).write_bytes(file.read_bytes())
