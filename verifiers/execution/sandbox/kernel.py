"""The system calls behind the sandbox that Python 3.11 does not offer: namespaces, mounts, capabilities, seccomp.

Runs inside of the sandbox too, so it imports the standard library alone. The numbers are those of the kernel's
headers: `linux/sched.h`, `linux/mount.h`, `linux/prctl.h`, `linux/capability.h`, `linux/seccomp.h`, `linux/audit.h`.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from typing import Any

NEW_MOUNTS, NEW_CGROUP, NEW_UTS, NEW_IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEW_USER, NEW_PIDS, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
_NEW_ANY = NEW_MOUNTS | NEW_CGROUP | NEW_UTS | NEW_IPC | NEW_USER | NEW_PIDS | NEW_NETWORK | 0x00000080  # and time

READ_ONLY, NO_SUID, NO_DEVICES, NO_EXEC, REMOUNT = 1, 2, 4, 8, 32
NO_ATIME, NO_DIR_ATIME, BIND, RECURSIVE, PRIVATE = 1024, 2048, 4096, 16384, 1 << 18
_DETACH = 2

_SET_DEATH_SIGNAL, _SET_SECCOMP, _CAPBSET_DROP, _SET_NO_NEW_PRIVS, _CAP_AMBIENT = 1, 22, 24, 38, 47
CAP_SETGID, CAP_SETUID, CAP_SETPCAP, CAP_SYS_ADMIN = 6, 7, 8, 21

# Denied in every program, by name: (number on x86_64, on aarch64). They reach out of the namespaces (sockets, keys),
# take memory that RLIMIT_AS does not count (memfd, System V), make new namespaces, in which a program would have every
# capability again, or open the parts of the kernel where most escapes were found. A process of its own needs none.
_DENIED = {
    "socket": (41, 198),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kcmp": (312, 272),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "personality": (135, 92),
}
_ARCHITECTURES = {
    # machine: (audit number, column of _DENIED, clone, kill)
    "x86_64": (0xC000003E, 0, 56, 62),
    "aarch64": (0xC00000B7, 1, 220, 129),
}
_CLONE3 = 435  # the same on both
_LOAD, _JUMP_EQUAL, _JUMP_OVER, _JUMP_FROM, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38

_libc: Any = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: Any) -> int:
    """A call of the C library by name.

    Raises:
        OSError: it failed; the message names the call.
    """
    result = getattr(_libc, name)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Move this process (for PIDs: its children to come) into new namespaces."""
    _call("unshare", ctypes.c_int(flags))


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """Mount `source` on `target`.

    Args:
        source: a path, or `none` where the kind needs no source.
        target: an existing path.
        kind: the file system, such as `tmpfs`; None for a bind or a remount.
        flags: a sum of this module's mount flags.
        data: options of the file system, with commas between them.

    Raises:
        OSError: the kernel refuses.
    """
    _call(
        "mount",
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode() if data else None,
    )


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root and put the old root on `old`.

    Args:
        new: a mount point.
        old: a folder in it, or `new` itself.

    Raises:
        OSError: the kernel refuses.
    """
    _call("pivot_root", new.encode(), old.encode())


def unmount(target: str) -> None:
    """Take a mount away, at once from sight and for good when its last user ends."""
    _call("umount2", target.encode(), ctypes.c_int(_DETACH))


def _prctl(option: int, *arguments: int) -> None:
    words = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    _call("prctl", ctypes.c_int(option), *words)


def die_with_parent(signal: int) -> None:
    """Have the kernel send this process `signal` when the parent's thread ends. A change of user undoes it."""
    _prctl(_SET_DEATH_SIGNAL, signal)


def keep_over_exec(*capabilities: int) -> None:
    """Keep these capabilities through an exec whatever the user is."""
    mask = sum(1 << capability for capability in capabilities)
    _capset(mask, mask, mask)
    for capability in capabilities:
        _prctl(_CAP_AMBIENT, 2, capability)


def bound_capabilities() -> None:
    """Have no exec of this process or its children ever give a capability; those it has, it keeps."""
    for capability in range(64):
        try:
            _prctl(_CAPBSET_DROP, capability)
        except OSError:
            if capability <= CAP_SYS_ADMIN:
                raise
            break  # past the last capability that this kernel knows


def drop_capabilities() -> None:
    """Give up every capability."""
    _capset(0, 0, 0)


def no_new_privileges() -> None:
    """Have no exec of this process or its children gain anything; a call filter needs it."""
    _prctl(_SET_NO_NEW_PRIVS, 1)


def _capset(effective: int, permitted: int, inheritable: int) -> None:
    header = struct.pack("=Ii", 0x20080522, 0)
    low, high = 0xFFFFFFFF, 32
    words = [effective & low, permitted & low, inheritable & low, effective >> high, permitted >> high]
    _call("capset", header, struct.pack("=6I", *words, inheritable >> high))


def filter_calls(filter: bytes) -> None:
    """Apply a filter of `compile_filter` to this process and its children; needs no privilege, only `no_new_privs`."""
    buffer = ctypes.create_string_buffer(filter, len(filter))
    # struct sock_fprog: the number of instructions, then a pointer aligned to its size
    program = struct.pack("@HP", len(filter) // 8, ctypes.addressof(buffer))
    _call(
        "prctl",
        ctypes.c_int(_SET_SECCOMP),
        ctypes.c_ulong(2),
        ctypes.create_string_buffer(program, len(program)),
        ctypes.c_ulong(0),
        ctypes.c_ulong(0),
    )


def compile_filter(machine: str | None = None) -> bytes | None:
    """A filter that denies the calls of `_DENIED` with EPERM, for this machine or one by name.

    Denied as well: `clone` with a new namespace, and `kill` of anything but one other process of the program (so of 0,
    1, -1 and process groups).

    Returns:
        BPF, eight bytes an instruction (code, jump if true, jump if false, operand); None where the calls' numbers
        are not known.
    """
    machine = machine or platform.machine()
    if machine not in _ARCHITECTURES:
        return None
    audit, column, clone, kill = _ARCHITECTURES[machine]
    deny, absent = _ERROR | _EPERM, _ERROR | _ENOSYS
    code = [(_LOAD, 0, 0, 4), (_JUMP_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    if machine == "x86_64":  # the x32 table repeats every call above this bit
        code += [(_JUMP_FROM, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]
    for numbers in _DENIED.values():
        code += [(_JUMP_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, deny)]
    # clone3 keeps its flags in memory, where a filter cannot look; without it the C library takes clone
    code += [(_JUMP_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, absent)]
    argument = (_LOAD, 0, 0, 16)  # the low half of the first argument
    code += [(_JUMP_EQUAL, 0, 4, clone), argument, (_JUMP_BITS, 0, 1, _NEW_ANY & ~0xFF), (_RETURN, 0, 0, deny)]
    code += [(_RETURN, 0, 0, _ALLOW)]
    code += [(_JUMP_EQUAL, 0, 4, kill), argument, (_JUMP_OVER, 1, 0, 0x7FFFFFFF), (_JUMP_OVER, 1, 0, 1)]
    code += [(_RETURN, 0, 0, deny), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
