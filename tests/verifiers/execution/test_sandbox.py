import os
import runpy
import select
import shutil
import socket
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

import verifiers
from verifiers.execution.sandbox import Limits, Sandbox, SandboxError, SandboxUnavailable
from verifiers.execution.sandbox.values import Other

HOSTILE = runpy.run_path(str(Path(__file__).with_name("hostile_programs.py")))["HOSTILE"]
QUICK = Limits(cpu=1, wall=1.5, memory=256)


def started(route, limits=QUICK):
    sandbox = Sandbox(limits, routes=[route])
    try:
        sandbox.start()
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    return sandbox


@pytest.fixture(scope="module", params=["unshare", "bubblewrap"])
def sandbox(request):
    with started(request.param) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def unshared():
    with started("unshare") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    """What the hostile programs are told of this machine."""
    outside = tmp_path_factory.mktemp("outside")
    outside.chmod(0o777)
    verifier = outside / "verifier.py"
    verifier.write_text("# as it was\n")
    verifier.chmod(0o666)
    with socket.create_server(("127.0.0.1", 0)) as server:
        os.environ["WHETSTONE_SECRET"] = "GOLD=42"
        yield {
            "home": str(Path.home()),
            "project": str(Path(verifiers.__file__).parent),
            "verifier": str(verifier),
            "outside": str(outside),
            "variable": "WHETSTONE_SECRET",
            "port": server.getsockname()[1],
        }
        del os.environ["WHETSTONE_SECRET"]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("sandbox", ["unshare", pytest.param("bubblewrap", marks=pytest.mark.slow)], indirect=True)
def test_a_hostile_program_does_not_get_its_way_and_the_next_runs_as_usual(sandbox, facts, name):
    outcome = sandbox.run(HOSTILE[name].format(**facts))
    assert "42" not in outcome.printed.split() and not outcome.values
    assert Path(facts["verifier"]).read_text() == "# as it was\n"
    assert [path.name for path in Path(facts["outside"]).iterdir()] == ["verifier.py"]
    after = sandbox.run("import math, os\nprint(round(math.pi * 100), os.listdir(), os.getpid())")
    assert (after.error, after.printed) == (None, "314 [] 1\n")


def test_the_hostile_acts_work_without_a_sandbox(facts):
    """Else the test above would prove nothing."""
    for name in ("reading the home", "reading the project", "writing outside the scratch", "editing the verifier"):
        done = subprocess.run([sys.executable, "-c", HOSTILE[name].format(**facts)], capture_output=True, text=True)
        assert done.stdout == "42\n", (name, done.stderr)
    (Path(facts["outside"]) / "written").unlink()
    Path(facts["verifier"]).write_text("# as it was\n")


def test_a_program_sees_the_interpreter_and_nothing_else(sandbox):
    found = sandbox.run("import os\nprint(sorted(os.listdir('/')), sorted(os.listdir('/dev')), dict(os.environ))")
    folders, devices, environment = eval(found.printed.replace("] [", "], [").replace("] {", "], {"))
    assert set(folders) <= {"dev", "etc", "lib", "lib64", "python", "scratch", "site-packages", "site-packages1", "usr"}
    assert devices == ["null", "random", "urandom", "zero"]
    assert environment == {}


def test_a_program_is_nobody_and_has_no_capability(sandbox):
    found = sandbox.run(
        "import ctypes, os, struct\n"
        "sets = ctypes.create_string_buffer(24)\n"
        "ctypes.CDLL(None).capget(struct.pack('=Ii', 0x20080522, 0), sets)\n"
        "print(os.getuid(), os.getgid(), struct.unpack('=6I', sets.raw))"
    )
    assert found.printed == "1000 1000 (0, 0, 0, 0, 0, 0)\n"


def test_all_but_the_scratch_is_read_only(sandbox):
    """Not only by the files' owners: outside of root, the program's user owns some of them."""
    source = (
        "import os, sys\nsites = [path for path in ['/', '/dev/null', '/usr/lib', '/python/lib', *sys.path[1:]]"
        " if os.path.exists(path)]\n[[bool(os.statvfs(path).f_flag & os.ST_RDONLY) for path in sites],"
        " bool(os.statvfs('/scratch').f_flag & os.ST_RDONLY)]"
    )
    ((sites, scratch),) = sandbox.run(source).values
    assert len(sites) > 3 and all(sites[:1] + sites[2:]) and not scratch


def test_the_installed_packages_can_be_imported(unshared):
    assert unshared.run("import numpy\nint(numpy.arange(4).sum())").values == (6,)


def test_values_come_out_as_they_are(unshared):
    source = (
        "from fractions import Fraction\nimport collections, numpy\nclass Odd: __str__ = lambda self: 'odd'\n"
        "def solution():\n    return [1, 2.5, 2**200, True, None, 'a', (1,), {1: 'b'}, {3}, Fraction(1, 3),"
        " numpy.float64(0.5), collections.Counter('aa'), b'c', Odd()]"
    )
    expected = [1, 2.5, 2**200, True, None, "a", (1,), {1: "b"}, {3}, Fraction(1, 3), 0.5, {"a": 2}, b"c", Other("odd")]
    (value,) = unshared.run(source).values
    assert value == expected
    assert [type(item) for item in value] == [type(item) for item in expected]


def test_a_value_nested_past_all_bounds_comes_out_as_text(unshared):
    (value,) = unshared.run("x = []\nfor i in range(60): x = [x]\nx").values
    for _ in range(50):
        (value,) = value
    assert isinstance(value, Other)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def f(:", "SyntaxError"),
        ("x = 1\x00", "null bytes"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit('no')", "SystemExit: no"),
        ("import os\nos._exit(3)", "exit code 3"),
        ("import ctypes\nctypes.string_at(0)", "Segmentation fault"),
        ("import time\ntime.sleep(9)", "waited longer than 1.5 s"),
        ("x = bytearray(10**9)", "MemoryError"),
        ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E", "its message raised ValueError"),
        ("import os\nos.write(3, b'[[[[\\n')", "its results cannot be read"),
        ("import os\nos.closerange(0, 99)", "exit code 70"),
    ],
)
def test_a_program_that_does_not_end_well_says_why(unshared, source, reason):
    assert reason in unshared.run(source).error


def test_processor_time_is_limited_by_itself():
    with started("unshare", limits=Limits(cpu=1, wall=30)) as sandbox:
        outcome = sandbox.run("while True: pass")
    assert outcome.error == "used more than 1 s of processor time"


def test_a_program_that_computes_is_not_ended_by_the_clock_but_by_its_processor_time():
    """By the clock it takes longer on a busy machine: here it has half of what it needs, and goes on."""
    spend = "import time\nwhile time.process_time() < {}: pass\nprint(7)"
    with started("unshare", limits=Limits(cpu=1, wall=0.4, clock=60)) as sandbox:
        assert sandbox.run(spend.format(0.8)).printed == "7\n"
        assert sandbox.run(spend.format(9)).error == "used more than 1 s of processor time"
        assert sandbox.run("import time\ntime.sleep(60)").error == "waited longer than 0.4 s"


def test_a_busy_machine_gives_the_same_outcomes():
    sources = ["import time\nwhile time.process_time() < 0.5: pass\nprint(7)", "while True: pass", "print(8)"]
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        with started("unshare", limits=Limits(cpu=1, wall=2.5, clock=60)) as sandbox:
            outcomes = [sandbox.run(source) for source in sources]
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert [outcome.printed for outcome in outcomes] == ["7\n", "", "8\n"]
    assert outcomes[1].error == "used more than 1 s of processor time"


def test_a_script_reads_its_input_and_runs_to_the_end_of_its_threads(unshared):
    source = (
        "import atexit, sys, threading\natexit.register(lambda: print('last'))\n"
        "threading.Thread(target=lambda: print(2 * int(input()))).start()\nexit()"
    )
    outcome = unshared.run_script(source, "4\n")
    assert (outcome.error, outcome.printed) == (None, "8\nlast\n")
    assert unshared.run_script("import sys\nprint(len(sys.stdin.read()))", "é" * 100_000).printed == "100000\n"
    assert unshared.run_script("input()\n1 / 0", "x").error == "ZeroDivisionError: division by zero"
    assert unshared.run_script("input()", "").error == "EOFError: EOF when reading a line"


def test_a_plain_exit_is_a_good_end(unshared):
    for end in ("import sys\nsys.exit()", "import os\nos._exit(0)"):
        outcome = unshared.run("print(7, flush=True)\n" + end)
        assert (outcome.error, outcome.printed) == (None, "7\n")


def test_what_is_printed_past_the_bound_is_an_error(unshared):
    outcome = unshared.run("print('x' * 2_000_000)")
    assert "File too large" in outcome.error
    assert len(outcome.printed) <= QUICK.output


def test_any_text_can_be_printed(unshared):
    assert unshared.run(r"print('\ud800é\x00')").printed == "\\ud800é\x00\n"


def test_the_order_of_a_set_is_the_same_in_every_sandbox(unshared):
    source = "print(list({'one', 'two', 'three', 'four', 'five'}))"
    with started("unshare") as another:
        assert another.run(source).printed == unshared.run(source).printed


def test_a_server_that_was_killed_is_an_error_and_starts_again():
    with started("unshare") as sandbox:
        os.killpg(sandbox._connection.process.pid, 9)
        with pytest.raises(SandboxError):
            sandbox.run("1")
        assert sandbox.run("1").values == (1,)


def test_a_server_that_does_not_answer_is_an_error_and_starts_again(monkeypatch):
    with started("unshare", limits=Limits(wall=0.3, clock=0.3)) as sandbox:
        monkeypatch.setattr("verifiers.execution.sandbox.host.GRACE_SECONDS", 0.2)
        os.killpg(sandbox._connection.process.pid, 19)  # SIGSTOP
        with pytest.raises(SandboxError, match="did not answer"):
            sandbox.run("1")
        monkeypatch.undo()
        assert sandbox.run("1").values == (1,)


def test_the_sandbox_ends_with_its_owner(unshared):
    code = (
        "import os\nfrom verifiers.execution.sandbox import Sandbox\n"
        "sandbox = Sandbox(routes=['unshare'])\nsandbox.start()\n"
        "print(sandbox._connection.process.pid, flush=True)\ninput()\nos._exit(0)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        server = os.pidfd_open(int(owner.stdout.readline()))
        owner.communicate(b"\n")
        assert select.select([server], [], [], 10)[0]
        os.close(server)


def test_a_preload_that_cannot_be_imported_is_named():
    started("unshare").close()
    with pytest.raises(ValueError, match="no_such_module"):
        Sandbox(preload=["no_such_module"], routes=["unshare"], allow_unsandboxed=True).start()


def test_without_isolation_nothing_runs_unless_allowed(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match="allow_unsandboxed"):
        Sandbox(routes=()).run("1")
    with Sandbox(QUICK, routes=(), allow_unsandboxed=True) as sandbox, pytest.warns(UserWarning, match="without isola"):
        sandbox.start()
    with sandbox:
        found = sandbox.run("open('file', 'w').close()\nimport os\n[os.listdir(), os.path.dirname(os.getcwd())]")
        assert found.values == ([["file"], str(tmp_path)],)
        assert sandbox.run("while True: pass").error is not None
        assert sandbox.run("import os\nlen(os.environ)").values == (0,)
        assert sandbox.run("1").values == (1,)
        assert list(tmp_path.iterdir()) == []  # each scratch is gone


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare to build a kernel that refuses")
def test_where_the_kernel_refuses_namespaces_the_reason_is_given():
    code = (
        "from verifiers.code import verify\nfrom verifiers.execution.sandbox import SandboxUnavailable\n"
        "open('/proc/sys/user/max_user_namespaces', 'w').write('0')\n"
        "for attempt in range(2):\n"
        "    try:\n        print(verify('1', '1'))\n"
        "    except SandboxUnavailable as error:\n        print('refused:', error)\n"
        "print(verify('1', '1', allow_unsandboxed=True).score, verify('1', '2', allow_unsandboxed=True).score)"
    )
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    if "max_user_namespaces" in done.stderr:
        pytest.skip("cannot make a kernel that refuses")
    first, second, last = done.stdout.splitlines()
    assert first == second and "unshare: " in first and "max_user_namespaces" in first
    assert last == "1.0 0.0"


def test_a_limit_must_be_positive():
    with pytest.raises(ValueError, match="'memory'"):
        Limits(memory=0)


MANY_FILES = """
import os
from verifiers.execution.sandbox import Limits, Sandbox, SandboxUnavailable

highest = os.open(os.devnull, os.O_RDONLY)
for last in range(196, 202):  # the channel is given the numbers around that of the status, one after the other
    while highest < last:
        highest = os.open(os.devnull, os.O_RDONLY)
    sandbox = Sandbox(Limits(cpu=1, wall=1.5, memory=256), routes=["unshare"])
    try:
        sandbox.start()
    except SandboxUnavailable:
        break
    sandbox.close()
"""


def test_a_process_that_has_many_files_open_can_start_a_sandbox():
    done = subprocess.run([sys.executable, "-c", MANY_FILES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
