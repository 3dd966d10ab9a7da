"""Profiles from TOML: those that come with xsift, and the user's own."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xsift.classes import named_classes, read_text_file
from xsift.errors import SettingError, nearest
from xsift.surveys.profile import Feature, Survey

__all__ = ["is_shipped", "load", "names", "survey_of"]

_BY_NAME = ("columns", "features")
_BY_KEY = ("feature_sets", "query")
_DEFAULT = "csc20"


def names() -> tuple[str, ...]:
    """List the survey profiles that come with xsift."""
    files = resources.files(__package__).iterdir()
    return tuple(sorted(f.name[:-5] for f in files if f.name.endswith(".toml")))


def load(name: str | Path) -> Survey:
    """Load and check a survey profile.

    Parameters
    ----------
    name : str or Path
        Of one that comes with xsift, for example ``"csc20"``; or a TOML file.

    Raises
    ------
    SettingError
        If there is no such profile, or the file breaks the schema.
    """
    if str(name) in names():
        return _shipped(str(name))
    if not (str(name).endswith(".toml") or Path(name).is_file()):
        near = nearest(str(name), names())
        hint = f" (did you mean {near}?)" if near else ""
        raise SettingError(
            f"--survey {name}: no such survey{hint}: give {', '.join(names())}, or a TOML file"
        )
    return _checked(_tree(str(name), None, ()), str(name))


@cache
def _shipped(name: str) -> Survey:
    return _checked(_tree(name, None, ()), name)


def is_shipped(survey: Survey) -> bool:
    """Tell whether a survey is an unchanged profile of xsift."""
    return survey.name in names() and survey == _shipped(survey.name)


def survey_of(name: str | Path | None, features: str | None) -> tuple[Survey, str]:
    """Choose the survey profile and the feature set.

    Where only a feature set is named, the survey is the one that has it as its default; where only
    a survey is named, the set is that survey's default; where neither, csc20 with csc20.
    `features` with commas, or the name of a feature, are features of one's own
    (`Survey.with_features`).
    """
    if name is None:
        by_default = {load(n).default_features: n for n in ("csc21", "csc20")}
        name = by_default.get(features or "", _DEFAULT)
    survey = load(name)
    if features is not None and (
        "," in features or (features not in survey.feature_sets and survey.feature(features))
    ):
        own = survey.with_features([part.strip() for part in features.split(",") if part.strip()])
        return own, own.default_features
    chosen = features or survey.default_features
    survey.feature_set(chosen)
    return survey, chosen


def _tree(name: str, beside: Path | None, way: tuple[str, ...]) -> dict[str, Any]:
    """Read a profile and those that it extends; `way` are the files that led to it."""
    where, text, folder = _text(name, beside, way)
    if where in way:
        raise SettingError(
            f"survey profile {way[0]}: extends goes in a circle: {' -> '.join([*way, where])}"
        )
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingError(f"survey profile {where}: not a TOML file: {error}") from error
    if folder is not None:
        tree.setdefault("name", Path(name).stem)
    if isinstance(classes := tree.get("classes"), str):
        tree["classes"] = named_classes(classes, folder)
    if (parent := tree.pop("extends", None)) is None:
        return {"title": tree.get("name", ""), **tree}
    return _merged(_tree(str(parent), folder, (*way, where)), tree, where)


def _text(name: str, beside: Path | None, way: tuple[str, ...]) -> tuple[str, str, Path | None]:
    """Return what a profile is called in messages, its text, and its folder if it is a file."""
    if name in names():
        shipped = resources.files(__package__).joinpath(f"{name}.toml")
        return name, shipped.read_text(encoding="utf-8"), None
    path = Path(name) if beside is None else beside / name
    by = f"survey profile {way[-1]}: extends {name}" if way else f"--survey {name}"
    try:
        return str(path), read_text_file(path), path.parent
    except OSError as error:
        allowed = f"give {', '.join(names())}, or a TOML file"
        raise SettingError(f"{by}: cannot be read: {error.strerror}: {allowed}") from error
    except ValueError as error:
        raise SettingError(f"{by}: {error}") from error


def _merged(earlier: dict[str, Any], own: dict[str, Any], where: str) -> dict[str, Any]:
    """Return an earlier profile with what a later one says: it says only what differs."""
    tree = {**earlier, **own}
    for part in _BY_NAME:
        tree[part] = _by_name(earlier.get(part, []), own.get(part, []), part, where)
    for part in _BY_KEY:
        if part in earlier and isinstance(own.get(part), dict):
            tree[part] = {**earlier[part], **own[part]}
    return tree


def _by_name(earlier: Any, own: Any, part: str, where: str) -> list[Any]:
    """Change entries of a list by their names, and add others at its end."""
    merged = {entry.get("name"): entry for entry in earlier}
    seen = set()
    for entry in own if isinstance(own, list) else [own]:
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            raise SettingError(f"survey profile {where}: {part}: every entry needs a name")
        if name in seen:
            raise SettingError(f"survey profile {where}: {part}: {name} is described twice")
        seen.add(name)
        merged[name] = {**merged.get(name, {}), **entry}
    return list(merged.values())


def _checked(tree: dict[str, Any], where: str) -> Survey:
    try:
        return Survey.model_validate(_completed(tree))
    except ValidationError as error:
        raise SettingError(f"survey profile {where}: {_in_words(error, tree)}") from error


def _completed(tree: dict[str, Any]) -> dict[str, Any]:
    """Describe the features that follow by a formula and have no column of their own."""
    columns, features = tree.get("columns"), tree.get("features")
    if not (isinstance(columns, list) and isinstance(features, list)):
        return tree
    described = {c.get("name") for c in columns if isinstance(c, dict)}
    added = []
    for entry in features:
        try:
            feature = Feature.model_validate(entry)
        except ValidationError:
            return tree  # the check of the whole says where
        if feature.formula is not None and feature.name not in described:
            added.append({"name": feature.name, "description": feature.said})
    return {**tree, "columns": [*columns, *added]}


def _in_words(error: ValidationError, tree: dict[str, Any]) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where: list[str] = []
    part: Any = tree
    for step in first["loc"]:
        try:
            part = part[step]
        except (LookupError, TypeError):
            part = None
        named = isinstance(step, int) and isinstance(part, dict) and "name" in part
        where.append(str(part["name"]) if named else str(step))
    said = str(first["msg"]).removeprefix("Value error, ")
    return ": ".join([" ".join(where), said] if where else [said])
