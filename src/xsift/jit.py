"""Compiled functions, kept between runs where there is a place to keep them."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numba

from xsift.errors import XsiftWarning

__all__ = ["kernel"]

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(**options: Any) -> Callable[[Function], Function]:
    """Compile a function with ``numba.njit``; where nothing can be kept, in every run anew.

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
