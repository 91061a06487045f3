"""Hostile programs. Each prints 42, the right answer, only if its forbidden act worked; bombs are bounded.

`{…}` stand for what the caller knows: `home`, `project` (a folder of the project), `verifier` (a file of it),
`outside` (a writable folder), `variable` (an environment variable that is set), `port` (where a server listens).
"""

HOSTILE = {
    "endless loop": "while True: pass",
    "endless loop that catches everything": """
import time
while True:
    try:
        time.sleep(60)
        sum(range(10**6))
    except BaseException:
        continue
""",
    "fork bomb": """
import os, time
for count in range(1500):
    if os.fork() == 0:
        time.sleep(20)
        os._exit(0)
print(42)
""",
    "thread bomb": """
import threading, time
for count in range(1500):
    threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
print(42)
""",
    "huge allocation": """
block = bytearray(8 * 1024**3)
print(42)
""",
    "memory outside of the address space": """
import os
for count in range(80):
    handle = os.memfd_create("more")
    for part in range(100):
        os.write(handle, bytes(10**6))
print(42)
""",
    "endless output": """
for count in range(8000):
    print("x" * 10**6)
print(42)
""",
    "huge file": """
with open("file", "wb") as file:
    for count in range(8000):
        file.write(bytes(10**6))
        file.flush()
print(42)
""",
    "many files": """
for count in range(8000):
    with open(str(count), "wb") as file:
        file.write(bytes(900_000))
print(42)
""",
    "many open files": """
files = [open("/dev/null") for count in range(1500)]
print(42)
""",
    "reading /etc/passwd": """
assert open("/etc/passwd").read()
print(42)
""",
    "reading the home": """
import os
os.listdir({home!r})
print(42)
""",
    "reading the home, by its usual name": """
import os
for path in ("/root", "/home", os.path.expanduser("~")):
    if os.path.exists(path):
        print(42)
""",
    "reading the project": """
import os
os.listdir({project!r})
print(42)
""",
    "reading the environment": """
import os
os.environ[{variable!r}]
print(42)
""",
    "reading another's environment": """
import os
for pid in ["self", "1", "2", str(os.getppid())]:
    try:
        if {variable!r} in open("/proc/" + pid + "/environ").read():
            print(42)
    except OSError:
        continue
""",
    "writing outside the scratch": """
with open({outside!r} + "/written", "w") as file:
    file.write("x")
print(42)
""",
    "writing outside the scratch, anywhere": """
import os, sys
for folder in ("/", "/tmp", "/var/tmp", "/dev", "/dev/shm", "/etc", "/usr/lib", "/proc", *sys.path[1:]):
    try:
        with open(os.path.join(folder, "written-by-a-program"), "w") as file:
            file.write("x")
        print(42)
    except OSError:
        continue
""",
    "making the file system writable": """
import ctypes
libc = ctypes.CDLL(None)
if libc.mount(b"none", b"/", None, 32 | 4096, None) == 0 or libc.mount(b"t", b"/usr", b"tmpfs", 0, None) == 0:
    print(42)
""",
    "opening a socket": """
import socket
socket.socket()
print(42)
""",
    "connecting to a server": """
import socket
socket.create_connection(("127.0.0.1", {port}), timeout=1)
print(42)
""",
    "killing its parent": """
import os, signal
os.kill(os.getppid(), signal.SIGKILL)
print(42)
""",
    "killing everyone": """
import os, signal
for pid in [-1, 0, 1, *range(2, 5000)]:
    if pid != os.getpid():
        try:
            os.kill(pid, signal.SIGKILL)
            print(42)
        except OSError:
            continue
""",
    "tracing another process": """
import ctypes, os
libc = ctypes.CDLL(None)
for pid in range(5000):
    if pid != os.getpid() and libc.ptrace(16, pid, 0, 0) == 0:
        print(42)
""",
    "becoming root": """
import os
os.setuid(0)
print(42)
""",
    "a user namespace of its own": """
import ctypes
libc = ctypes.CDLL(None)
if libc.unshare(0x10000000) == 0:
    print(42)
""",
    "catching SystemExit": """
import sys, time
while True:
    try:
        time.sleep(0.2)
        sys.exit(1)
    except SystemExit:
        continue
""",
    "deep recursion": """
import sys
sys.setrecursionlimit(10**9)
def down(depth):
    return 0 if depth == 10**8 else down(depth + 1)
down(0)
print(42)
""",
    "deep recursion in C": """
import sys
sys.setrecursionlimit(10**9)
nested = ()
for count in range(10**6):
    nested = (nested,)
hash(nested)
repr(nested)
print(42)
""",
    "a thread that outlives main": """
import threading, time
def late():
    time.sleep(0.3)
    print(42, flush=True)
threading.Thread(target=late).start()
print(0)
""",
    "a daemon that outlives main": """
import os, time
print(0, flush=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            time.sleep(0.01)
            os.write(1, b"42\\n")
            for handle in range(3, 10):
                try:
                    os.write(handle, b'{{"value": 42}}\\n')
                except OSError:
                    pass
    os._exit(0)
os.wait()
""",
    "an exit handler": """
import atexit
atexit.register(lambda: print(42, flush=True))
print(0)
""",
    "editing the verifier": """
with open({verifier!r}, "a") as file:
    file.write("\\n# edited\\n")
print(42)
""",
    "editing what is loaded next": """
import importlib.util, os, sys
for name in ("json", "numpy", "verifiers"):
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.origin is not None:
        try:
            open(spec.origin, "a").close()
            print(42)
        except OSError:
            continue
sys.modules["math"].pi = 3
import builtins
builtins.print = None
""",
    "changing the server's memory": """
import gc, types
for thing in gc.get_objects(generation=None):
    if isinstance(thing, dict) and "_COMMON" in thing:
        thing["_keep"] = thing["_confine"] = None
raise ValueError
""",
    "printing the gold": """
import gc, sys
seen = []
frame = sys._getframe()
while frame:
    seen.append(repr((frame.f_locals, frame.f_globals))[:10**6])
    frame = frame.f_back
seen += [repr(thing)[:1000] for thing in gc.get_objects() if isinstance(thing, (dict, list, tuple))][:5000]
for text in seen:
    if "".join(reversed("24=DLOG")) in text:
        print(42)
""",
    "lying about its end": """
import os
for handle in range(3, 256):
    try:
        os.write(handle, b'{{"end": null}}\\n{{"code": 0, "late": false, "cpu": 0}}\\nconfined')
    except OSError:
        continue
os._exit(0)
""",
}
