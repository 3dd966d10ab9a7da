"""Where a mixture is fitted: on the CPU, or on a GPU by JAX, which is imported only where asked.

The CPU's kernels need no GPU and no JAX, and their bits repeat on any machine: they are the rule.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Any

from xsift.errors import SettingError, need

__all__ = ["DEVICES", "LEAST_ROWS", "gpu_for", "name_of"]

DEVICES = ("auto", "cpu", "gpu")

LEAST_ROWS = 100_000
"""Rows from which `auto` looks for a GPU: fewer are fitted before JAX is imported and compiles."""


def gpu_for(device: str, n_rows: int) -> Any:
    """Choose where to work.

    Parameters
    ----------
    device : {"auto", "cpu", "gpu"}
        auto: the GPU, if there are many rows and JAX is installed and has one.
    n_rows : int

    Returns
    -------
    jax.Device or None
        None: the CPU, by the kernels.

    Raises
    ------
    MissingPackageError
        If `device` is "gpu" and JAX is not installed.
    SettingError
        If it is "gpu" and JAX has none, or no device of ours.
    """
    if device not in DEVICES:
        raise SettingError(f"--device {device}: allowed are {', '.join(DEVICES)}")
    if device == "cpu" or (device == "auto" and n_rows < LEAST_ROWS):
        return None
    if device == "auto" and find_spec("jax") is None:
        return None
    need("jax", "cannot work on a GPU")
    gpus, others = _devices_of_jax()
    if device == "gpu" and not gpus:
        raise SettingError(
            f"--device gpu: JAX finds no GPU, only {others or 'nothing'}: install "
            '"xsift[gpu]" on Linux with a driver of NVIDIA for CUDA 12, or give --device cpu'
        )
    return gpus[0] if gpus else None


def _devices_of_jax() -> tuple[list[Any], str]:
    """Return JAX's GPUs, and the names of its other devices."""
    # JAX takes three quarters of a GPU's memory when it starts, which the user's other programs and
    # another process of ours may need. Who has set this, or imported JAX already, has decided.
    if "jax" not in sys.modules:
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax

    try:
        return jax.local_devices(backend="gpu"), ""
    except RuntimeError:  # no such platform, or one whose driver does not work
        pass
    try:
        return [], ", ".join(sorted({device.device_kind for device in jax.local_devices()}))
    except RuntimeError:
        return [], ""


def name_of(gpu: Any) -> str:
    """Return the name of a device: ``"cpu"``, ``"gpu (NVIDIA H100 80GB HBM3)"``.

    Parameters
    ----------
    gpu : jax.Device or None
        From `gpu_for`.
    """
    return "cpu" if gpu is None else f"gpu ({gpu.device_kind})"
