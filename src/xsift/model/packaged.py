"""The models that come with xsift, and the choice of one for a table."""

from __future__ import annotations

import hashlib
import json
import warnings
from importlib import resources
from pathlib import Path

import numpy as np

from xsift import surveys
from xsift.errors import ModelError, SettingError, XsiftWarning
from xsift.model.file import load_model_tree
from xsift.model.sample import Progress, Sample, read_sample, silent
from xsift.model.schema import ModelTree
from xsift.read import InMemory
from xsift.settings import EARLIER_FEATURES, Settings

__all__ = ["chosen_model", "named_model", "packaged_models", "refuse_other_model"]


def packaged_models() -> dict[str, Path]:
    """Return the models that come with xsift, by name."""
    folder = Path(str(resources.files(__package__) / "trained"))
    return {p.stem: p for p in sorted(folder.glob("*.asdf"))}


def named_model(name: str) -> Path:
    """Return the file of a model: a packaged one by its name, or a path.

    Raises
    ------
    ModelError
        If there is neither, or the packaged one is not as it was shipped.
    """
    packaged = packaged_models()
    earlier = {"csc12": "csc20", "csc11": "csc21"}
    survey, dash, method = name.partition("-")
    now = f"{earlier.get(survey)}{dash}{method}"
    if now in packaged and not Path(name).exists():
        warnings.warn(f"the packaged model {name} is called {now} now", XsiftWarning, stacklevel=3)
        name = now
    if name in packaged and not Path(name).exists():
        return _as_shipped(name)
    if not Path(name).exists():
        raise ModelError(f"--model {name}: no such file; packaged models are {', '.join(packaged)}")
    return Path(name)


def chosen_model(
    table: str | Path | InMemory,
    model: str | Path | None,
    settings: Settings,
    progress: Progress = silent,
) -> tuple[Path, str, Sample | None]:
    """Choose a model: the named one; else a packaged one, by what is asked for or the table has.

    Returns
    -------
    path : Path
    why : str
        The choice and its reason, for the user.
    sample : Sample or None
        The table, where it had to be read for the choice.

    Raises
    ------
    ModelError
        If no packaged model is what is asked for, or it is not as it was shipped.
    """
    if model is not None:
        return named_model(str(model)), f"model {model}, as asked for", None
    packaged = packaged_models()
    if settings.features is not None or settings.survey is not None:
        survey, features = surveys.survey_of(settings.survey, settings.features)
        name = survey.name
        if name not in packaged or load_model_tree(_as_shipped(name)).feature_set != features:
            raise ModelError(
                f"no packaged model is for survey {name} with features {features}: "
                f"packaged are {', '.join(packaged)}; or train one with xsift run"
            )
        return packaged[name], f"packaged model {name}, which has the features asked for", None
    survey = surveys.load("csc20")
    twelve = survey.feature_set("all")
    with warnings.catch_warnings():
        # A table without the twelfth feature alone is what csc21 is for.
        warnings.filterwarnings("ignore", r".*: no column var_newq_b \(or [^)]*\): counted as")
        sample = read_sample(table, survey, twelve, settings, progress=progress)
    name, n = _fitting(sample.features.usable, [f.name for f in twelve].index("var_newq_b"))
    why = (
        f"packaged model {name} (trained on the {surveys.load(name).title}): "
        f"{n:,} of {len(sample):,} detections have all of its features"
    )
    return _as_shipped(name), why, sample


def _fitting(usable: np.ndarray, twelfth: int) -> tuple[str, int]:
    """Return the model for a table with these values, and how many rows have all it takes."""
    has_others = np.delete(usable, twelfth, axis=1).all(axis=1)
    # One more missing feature in a few detections is no reason to give up the twelfth in all.
    judged = usable[has_others] if has_others.any() else usable
    if judged[:, twelfth].mean() >= 0.5:
        return "csc20", int(usable.all(axis=1).sum())
    return "csc21", int(has_others.sum())


def _as_shipped(name: str) -> Path:
    """Return the file of a packaged model, held to the list of digests in the package."""
    path = packaged_models()[name]
    try:
        listed = json.loads(path.with_name("digests.json").read_text("utf-8"))[name]
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ModelError(
            f"packaged model {name}: its digest is not in {path.with_name('digests.json')}: "
            "install xsift again"
        ) from error
    if found != listed:
        raise ModelError(
            f"packaged model {name}: {path} is not the file that came with xsift: install xsift "
            f"again; to use the file as it is, give its path to --model"
        )
    return path


def refuse_other_model(tree: ModelTree, settings: Settings, what: str) -> None:
    """Refuse a model that is not for the survey and features asked for, or not for this xsift.

    Raises
    ------
    ModelError
    """
    for option, asked, has in (
        ("--survey", settings.survey, tree.survey),
        ("--features", settings.features, EARLIER_FEATURES.get(tree.feature_set, tree.feature_set)),
    ):
        if asked is not None and asked != has:
            raise ModelError(
                f"{what}: trained for {option} {has}, not {asked}: give another --model"
            )
    if tree.survey not in surveys.names():
        raise ModelError(f"{what}: trained for survey {tree.survey!r}, which this xsift knows not")
    # The calibrated method leaves out what the training table had no values of.
    only = None if tree.method == "paper" else tree.features
    try:
        chosen = surveys.load(tree.survey).feature_set(tree.feature_set, only)
    except SettingError:
        chosen = ()
    if [f.name for f in chosen] != tree.features:
        raise ModelError(f"{what}: its features are not the set {tree.feature_set}: retrain it")
