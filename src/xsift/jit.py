"""Compiled functions, kept between runs where there is a place to keep them."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numba

from xsift.errors import XsiftWarning

__all__ = ["kernel", "kernel_part"]

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(**options: Any) -> Callable[[Function], Function]:
    """Compile a function with ``numba.njit``; where nothing can be kept, in every run anew.

    It is called from Python only: what a kernel calls is a `kernel_part`.

    Numba keeps compiled functions beside their source or in the user's cache, and raises where it
    can write neither: a read-only installation without a home (containers, batch nodes).

    Parameters
    ----------
    **options
        Of ``numba.njit``.
    """

    def compiled(function: Function) -> Function:
        try:
            return _njit(function, cache=True, **options)
        except RuntimeError as error:
            if "no locator available" not in str(error):
                raise
        _warn()
        return _njit(function, **options)

    return compiled


def kernel_part(**options: Any) -> Callable[[Function], Function]:
    """Compile a function that kernels call: each of them holds its code, inlined.

    Otherwise a result would depend on what else the process has loaded. Each kernel would hold a
    copy of the function, optimised in its place, which adds up in another order than the next; of
    copies with the same name, the linker takes the first that was loaded, for all callers. Where
    Numba has just compiled, that is another one than where it found all in its cache.

    Parameters
    ----------
    **options
        Of ``numba.njit``.
    """
    return kernel(forceinline=True, **options)


def _njit(function: Function, **options: Any) -> Function:
    made: Function = numba.njit(**options)(function)
    return made


@functools.cache
def _warn() -> None:
    """Say it once for all functions."""
    warnings.warn(
        "compiled functions cannot be kept: neither the installation nor a cache folder in HOME "
        "can be written, so every run compiles anew and starts slowly; set NUMBA_CACHE_DIR to a "
        "folder that can be written",
        XsiftWarning,
        stacklevel=2,
    )
