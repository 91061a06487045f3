"""The sandbox's own code on its way in: over the channel, so that no file of ours is visible inside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_SOURCES = ("kernel", "values", "channel", "serving", "testing", "program")
LOADER = """
import json, socket, sys, types
channel = socket.socket(fileno=int(sys.argv[1]))
def take(count):
    data = b""
    while len(data) < count:
        part = channel.recv(count - len(data))
        if not part: sys.exit("the host went away")
        data += part
    return data
boot = json.loads(take(int.from_bytes(take(8), "big")))
package = "verifiers.execution.sandbox"
for depth in (1, 2, 3):
    name = ".".join(package.split(".")[:depth])
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = []
    above, _, leaf = name.rpartition(".")
    if above: setattr(sys.modules[above], leaf, sys.modules[name])
for name, source in boot["sources"]:
    module = sys.modules[package + "." + name] = types.ModuleType(package + "." + name)
    setattr(sys.modules[package], name, module)
    exec(compile(source, "<" + name + ">", "exec"), module.__dict__)
module.main(channel, boot["config"])
"""
"""What the interpreter inside is started with: takes the code from the channel and runs it."""


def code(last: str, config: dict[str, Any]) -> bytes:
    """The message that `LOADER` takes.

    Args:
        last: the module whose `main` is called, `server` or `enter`.
        config: what it is called with.
    """
    folder = Path(__file__).parent
    sources = [(name, (folder / f"{name}.py").read_text(encoding="utf-8")) for name in (*_SOURCES, last)]
    data = json.dumps({"sources": sources, "config": config}).encode()
    return len(data).to_bytes(8, "big") + data
