"""Runs Python programs that nobody has read: isolated, limited, and fast enough for a reward.

A fork server sits in namespaces of its own with the interpreter loaded. Each program is a fork of it, in a PID, mount
and IPC namespace made for that program. What a program gets:

- *to see*: the interpreter, its standard library, the installed packages and the system's shared libraries, read-only;
  `/dev/null`, `zero`, `random`, `urandom`; an empty `/scratch`, its working folder. No home, no project, no `/proc`,
  no `/tmp`, no environment, no network. No process but its own. Not what it is judged against: the gold stays outside.
- *to be*: an unprivileged user without capabilities; where the caller is root, a user that owns nothing on the system
  (root's own would pass the limit on processes), else the caller's user, which owns nothing that is visible inside.
- *to use*: `Limits`, on processor time, the clock, memory, processes, open files, file sizes and scratch. A program
  that computes is limited by its processor time alone, so that a busy machine gives the same outcomes; the clock ends
  what waits.
- *to call*: all but some fifty system calls (`kernel.py`): no sockets but pairs, no tracing, mounting, new namespaces,
  keys, `bpf`, `io_uring`, memory that the limits do not count; and no signal but to a single process of its own.

When its main code ends, everything it started is killed: threads, daemons, processes in other sessions. Exit handlers
do not run, but for a script that is given its input (`run_script`). What it printed by then counts.

The files: `host.py`, `files.py` and `outcome.py` are the caller's side, `layout.py` says what there is to see,
`boot.py`, `enter.py` and `kernel.py` are the way in, `server.py` and `program.py` the inside, `values.py` how a value
comes out. Tests that compute something run in a second sandbox: `testing.py` is their side, `serving.py` the
program's, `channel.py` what is between them. `shared.py` keeps sandboxes for reuse.

**What it does not stop**

- A bug in the kernel. The call filter makes fewer of them reachable; it is no virtual machine. The filter knows x86_64
  and aarch64; on other machines there is none, and a program can make sockets (without a network), have its own user
  namespaces, and fill memory that `memory` does not count.
- Use up to the limits. They are a process's, so all its processes together may take `processes` times `memory`, and
  the processor time of as many processes until the wall clock ends. Out of memory, the kernel is told to kill inside
  the sandbox first; a program killed so is `SandboxError`, not a wrong answer.
- Slowing its neighbours, and learning from timing that it has some: programs share processors and caches.
- Reading what is installed: packages, and with them this one where it is installed as a copy. Nothing secret may lie in
  `site-packages`.
- Lies about itself. What a program prints and returns is its own word; only what is compared outside proves anything
  (`verifiers.execution.tests`).
- A kernel before 5.14 counts processes by user and not by namespace: as another user than root, the limit on processes
  may then be reached at once by what else that user runs, and threads fail to start.
- With `allow_unsandboxed` and no isolation possible: nearly anything. What is left are the limits (but for processes),
  an empty environment, a scratch folder, the call filter on Linux, and the killing of the program's process group; it
  reads and writes all that the caller can, and leaves processes in other groups running.
"""

from verifiers.execution.sandbox.host import Sandbox
from verifiers.execution.sandbox.outcome import Limits, Outcome, SandboxError, SandboxUnavailable

__all__ = ["Limits", "Outcome", "Sandbox", "SandboxError", "SandboxUnavailable"]
