"""The one way into the `mistralrs` package: what must hold before it is imported, and what it can do.

The package starts its logger when it is imported, and takes RUST_LOG then and never again. It has no
argument for the device: a build computes on the first device of the kind that it was built for, or on the
CPU where there is none, and chooses when it loads its first model.

**The log goes to stdout, from Rust, past `sys.stdout`.** It is off unless RUST_LOG or MISTRALRS_VERBOSE asks
for it; whoever lets it be on points file descriptor 1 at stderr first, as the command line does.
"""

from __future__ import annotations

import mmap
import os
import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Literal

from spnl.errors import ModelError, UsageError
from spnl.settings import Settings

Accelerator = Literal["cuda", "metal"]

# Words that a build for a GPU cannot do without and that a build for the CPU has no use for: CUDA's library
# and its error codes, which the bindings of every CUDA build carry by name, and the framework that every
# Metal build is linked with. Counted in the wheel of 0.9.5 for the CPU: none of them. The distribution's
# version would tell as well (`0.9.5+cuda128.sm89`), but not for a build of one's own.
_MARKS: dict[Accelerator, tuple[bytes, ...]] = {
    "metal": (b"Metal.framework",),
    "cuda": (b"libcuda.so", b"CUDA_ERROR_OUT_OF_MEMORY"),
}

# Where drivers for NVIDIA's GPUs show themselves: on Linux, under WSL, on Jetson boards.
_GPU_FILES = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-gpu")

CUDA_BUILDS = "https://github.com/EricLBuehler/mistral.rs/releases has wheels for CUDA"
"""Where builds for CUDA are, for people."""


def load_module(settings: Settings) -> ModuleType:
    """The `mistralrs` module, imported with its log and its device set as `settings` say."""
    if settings.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    ours = "RUST_LOG" not in os.environ
    if ours:
        os.environ["RUST_LOG"] = "info" if settings.verbose else "off"
    try:
        return import_module("mistralrs")
    except ImportError as error:
        raise ModelError(
            "no-engine",
            f"the engine, the Python package mistralrs, cannot be imported: {error}",
            helps=("install it with `pip install mistralrs`",),
        ) from None
    finally:
        if ours:
            del os.environ["RUST_LOG"]  # it is read once, and not meant for programs that we start


def choose_device(settings: Settings) -> Literal["cpu", "cuda", "metal"]:
    """What models will run on; a `UsageError` `no-device` where the one asked for cannot be had.

    Costs nothing on a machine without a GPU unless the settings name a device; else it reads the engine's
    shared object once, which takes 50 ms.
    """
    asked = settings.device
    if asked == "auto":
        return (_accelerator() if has_gpu() else None) or "cpu"
    if asked == "cpu":
        if sys.platform == "darwin" and _accelerator() == "metal":
            raise _no_device("cpu", "a build for Metal runs on the GPU only", "leave it at `auto`")
        return "cpu"
    if _accelerator() != asked:
        builds = {"cuda": CUDA_BUILDS, "metal": "the wheel for Apple silicon is a build for Metal"}
        raise _no_device(asked, f"the installed build of mistralrs is not for {asked}", builds[asked])
    return asked


def _no_device(device: str, reason: str, help: str) -> UsageError:
    message = f"MISTRALRS_DEVICE is {device}, which cannot be had: {reason}"
    return UsageError("no-device", message, helps=(help,))


def build() -> Literal["cpu", "cuda", "metal"]:
    """What the installed build of the engine was made for; reads its shared object once."""
    return _accelerator() or "cpu"


def has_gpu() -> bool:
    """Whether this machine shows a GPU that a build of the engine could use."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    if sys.platform in ("darwin", "win32"):
        return True  # no such files there; the build decides
    return any(map(os.path.exists, _GPU_FILES))


@cache
def _accelerator() -> Accelerator | None:
    """What the installed build of the engine computes on beside the CPU, read from its shared object."""
    found = find_spec("mistralrs")
    if found is None or found.origin is None:
        return None  # importing it says so better
    for library in Path(found.origin).parent.iterdir():
        if library.suffix not in (".so", ".pyd"):
            continue
        with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for accelerator, marks in _MARKS.items():
                if any(data.find(mark) >= 0 for mark in marks):
                    return accelerator
    return None
