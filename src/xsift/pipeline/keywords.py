"""Functions of the public interface that take settings as keywords, too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import Field, fields, replace
from typing import Any, TypeVar

from xsift.errors import SettingError
from xsift.settings import EvaluationSettings, Settings

__all__ = ["takes_settings"]

R = TypeVar("R")
_HOLDERS = {"settings": Settings, "evaluation": EvaluationSettings}


def takes_settings(
    settings: tuple[str, ...] | None = (), evaluation: tuple[str, ...] | None = ()
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Let a function with a parameter `settings` (or `evaluation`) take each of them as a keyword.

    The signature that Python shows lists them. A keyword replaces a default of the whole
    settings; a SettingError is raised if both give a value.

    Parameters
    ----------
    settings, evaluation : tuple of str, optional
        The names that the function heeds; None: all.
    """
    held = {"settings": settings, "evaluation": evaluation}
    holder_of = {
        f.name: (holder, _default(f))
        for holder, kind in _HOLDERS.items()
        for f in fields(kind)
        if (names := held[holder]) is None or f.name in names
    }

    def decorated(function: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(function)
        def call(*args: Any, **keywords: Any) -> R:
            mine = {name: keywords.pop(name) for name in list(keywords) if name in holder_of}
            bound = signature_of_function.bind(*args, **keywords)
            for holder, kind in _HOLDERS.items():
                given = {n: v for n, v in mine.items() if holder_of[n][0] == holder}
                if given:
                    bound.arguments[holder] = _joined(bound.arguments.get(holder), kind, given)
            return function(*bound.args, **bound.kwargs)

        signature_of_function = inspect.signature(function)
        more = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, (_, default) in holder_of.items()
        ]
        # Types are in the docstring: as text within quotes they would only be in the way.
        own = [p.replace(annotation=p.empty) for p in signature_of_function.parameters.values()]
        call.__signature__ = signature_of_function.replace(  # type: ignore[attr-defined]
            parameters=[*own, *more], return_annotation=inspect.Signature.empty
        )
        return call

    return decorated


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if callable(field.default_factory) else field.default


def _joined(whole: Any, kind: Any, given: dict[str, Any]) -> Any:
    defaults = {f.name: _default(f) for f in fields(kind)}
    for name, value in given.items():
        default = defaults[name]
        if isinstance(default, tuple):  # "forest" or ["forest"] for ("forest",)
            given[name] = (value,) if isinstance(value, str) else tuple(value)
        if whole is not None and getattr(whole, name) != default:
            raise SettingError(
                f"{name} is given twice: {value!r}, and {getattr(whole, name)!r} in "
                f"{kind.__name__}: leave one out"
            )
    return kind(**given) if whole is None else replace(whole, **given)
