"""The models that come with xsift, and the choice of one for a table."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np

from xsift import read, surveys
from xsift.errors import ModelError, SettingError
from xsift.features import derive
from xsift.settings import Settings
from xsift.write.model_file import load_model_tree
from xsift.write.model_schema import ModelTree

__all__ = ["fitting_model", "named_model", "packaged_models", "refuse_other_model"]


def packaged_models() -> dict[str, Path]:
    """Return the models that come with xsift, by name."""
    folder = Path(str(resources.files("xsift") / "models"))
    return {p.stem: p for p in sorted(folder.glob("*.asdf"))}


def named_model(name: str) -> Path:
    """Return the file of a model: a packaged one by its name, or a path.

    Raises
    ------
    ModelError
        If there is neither.
    """
    packaged = packaged_models()
    if name in packaged and not Path(name).exists():
        return packaged[name]
    if not Path(name).exists():
        raise ModelError(f"--model {name}: no such file; packaged models are {', '.join(packaged)}")
    return Path(name)


def fitting_model(
    table: str | Path, settings: Settings
) -> tuple[Path, str, read.Detections | None]:
    """Choose among the packaged models: by what is asked for, else by what the table has.

    Returns
    -------
    path : Path
    why : str
        The choice and its reason, for the user.
    detections : Detections or None
        The table, where it had to be read for the choice.

    Raises
    ------
    ModelError
        If no packaged model is what is asked for.
    """
    packaged = packaged_models()
    if settings.features is not None or settings.survey is not None:
        survey, name = surveys.survey_of(settings.survey, settings.features)
        if name not in packaged or load_model_tree(packaged[name]).survey != survey.name:
            raise ModelError(
                f"no packaged model is for survey {survey.name} with features {name}: "
                f"packaged are {', '.join(packaged)}; or train one with xsift run"
            )
        return packaged[name], f"packaged model {name}, which has the features asked for", None
    survey = surveys.load("csc20")
    detections = read.read_detections(
        table, survey, survey.feature_set("csc11"), settings.source_column
    )
    twelve = derive(detections.table, survey, survey.feature_set("csc12"))
    eleven = twelve.select([f.name for f in survey.feature_set("csc11")])
    n = {"csc11": int(eleven.complete.sum()), "csc12": int(twelve.complete.sum())}
    # Where no detection is complete, all count that have anything.
    few, many = n["csc12"], n["csc11"]
    if not many:
        few = int(twelve.usable[:, ~np.isin(twelve.names, eleven.names)].any(axis=1).sum())
        many = int(eleven.usable.any(axis=1).sum())
    # One more missing feature in a few detections is no reason to give up the twelfth in all.
    name = "csc12" if few >= many / 2 else "csc11"
    release = surveys.survey_of(None, name)[0].title
    why = (
        f"packaged model {name} (trained on the {release}): "
        f"{n[name]:,} of {detections.table.num_rows:,} detections have all of its features"
    )
    return packaged[name], why, detections


def refuse_other_model(tree: ModelTree, settings: Settings, what: str) -> None:
    """Refuse a model that is not for the survey and features asked for, or not for this xsift.

    Raises
    ------
    ModelError
    """
    for option, asked, has in (
        ("--survey", settings.survey, tree.survey),
        ("--features", settings.features, tree.feature_set),
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
        raise ModelError(f"{what}: its features are not those of {tree.feature_set}: retrain it")
