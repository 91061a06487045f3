"""Runs a module under FSDP on processors; for `accelerate launch -m tests.rl.engines.on_gloo MODULE ARGUMENTS`.

accelerate offers FSDP for accelerators alone: with several processes on processors it makes DDP of it. Here it takes
them for GPUs that talk over gloo, and everything else is accelerate's own. At the end, a line tells how much of the
policy's weights was held by this process, so that a test can see that they were sharded.
"""

import runpy
import sys

import torch.distributed as dist
from accelerate import DistributedType, PartialState

prepare_backend = PartialState._prepare_backend


def on_gloo(state, *given, **more):
    backend, kind = prepare_backend(state, *given, **more)
    if kind != DistributedType.MULTI_CPU:
        return backend, kind
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    return backend, DistributedType.MULTI_GPU


if __name__ == "__main__":
    PartialState._prepare_backend = on_gloo
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
