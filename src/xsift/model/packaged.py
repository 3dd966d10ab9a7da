"""The models that come with xsift, and the choice of one for a table."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from xsift import surveys
from xsift.errors import ModelError, SettingError, XsiftWarning
from xsift.model.file import load_model_tree
from xsift.model.look import fit_of
from xsift.model.progress import Progress, silent
from xsift.model.sample import Sample, read_sample
from xsift.model.schema import ModelTree
from xsift.read import Fit, InMemory, Source, offered_columns
from xsift.read.naming import naming
from xsift.read.units import plain_name
from xsift.settings import EARLIER_FEATURES, Settings
from xsift.surveys import Feature, Survey

__all__ = [
    "chandra",
    "chosen_model",
    "fitting_model",
    "model_by_names",
    "named_model",
    "packaged_models",
    "refuse_other_model",
    "twelfth_may_lack",
]


_CHANDRA = ("csc20", "csc21")


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
    """Choose a model: the named one, or a packaged one that fits the settings or the table.

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
    offered: list[str] = []
    opened: str | Path | Source | InMemory = table
    is_asked = model is not None or settings.features is not None or settings.survey is not None
    if not is_asked:
        offered, opened = offered_columns(table, [surveys.load(n) for n in surveys.names()])
    found = model_by_names(offered, model, settings, str(table))
    if found is None:
        survey, twelve = chandra()
        with twelfth_may_lack():
            sample = read_sample(opened, survey, twelve, settings, progress=progress)
        path, why = fitting_model(fit_of(sample.features))
        return path, why, sample
    if is_asked:
        return *found, None
    survey = surveys.load(found[0].stem)
    features = survey.feature_set(survey.default_features)
    return *found, read_sample(opened, survey, features, settings, progress=progress)


def model_by_names(
    offered: Sequence[str], model: str | Path | None, settings: Settings, where: str
) -> tuple[Path, str] | None:
    """Choose a model by the settings, or by the names of a table's columns.

    Returns
    -------
    path : Path
    why : str
        The choice and its reason, for the user.

    None where the table is Chandra's: its values tell which model fits (`fitting_model`).
    """
    if model is not None:
        return named_model(str(model)), f"model {model}, as asked for"
    if settings.features is not None or settings.survey is not None:
        return _for_survey(settings)
    name, n_named = _by_columns(offered, settings, where)
    if name in _CHANDRA:
        return None
    survey = surveys.load(name)
    n = len(survey.feature_set(survey.default_features))
    why = (
        f"packaged model {name} (trained on the {survey.title}): the table has columns of "
        f"{n_named} of its {n} features"
    )
    return _as_shipped(name), why


def chandra() -> tuple[Survey, tuple[Feature, ...]]:
    """Return the survey and features for a table of Chandra whose values choose the model."""
    survey = surveys.load("csc20")
    return survey, survey.feature_set("all")


@contextmanager
def twelfth_may_lack() -> Iterator[None]:
    """Suppress the warning about a missing twelfth feature: csc21 does not need it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r".*: no column var_newq_b \(or [^)]*\): counted as")
        yield


def fitting_model(fit: Fit) -> tuple[Path, str]:
    """Choose the model for a table of Chandra by the features that its detections have.

    Returns
    -------
    path : Path
    why : str
        The choice and its reason, for the user.
    """
    # One more missing feature in a few detections is no reason to give up the twelfth in all.
    share = fit.n_all / fit.n_others if fit.n_others else fit.n_twelfth / fit.n_rows
    name, n = ("csc20", fit.n_all) if share >= 0.5 else ("csc21", fit.n_others)
    why = (
        f"packaged model {name} (trained on the {surveys.load(name).title}): "
        f"{n:,} of {fit.n_rows:,} detections have all of its features"
    )
    return _as_shipped(name), why


def _for_survey(settings: Settings) -> tuple[Path, str]:
    packaged = packaged_models()
    survey, features = surveys.survey_of(settings.survey, settings.features)
    name = survey.name
    if name not in packaged or load_model_tree(_as_shipped(name)).feature_set != features:
        raise ModelError(
            f"no packaged model is for survey {name} with features {features}: "
            f"packaged are {', '.join(packaged)}; or train one with xsift run"
        )
    return packaged[name], f"packaged model {name}, which has the features asked for"


def _by_columns(offered: Sequence[str], settings: Settings, where: str) -> tuple[str, int]:
    """Choose the survey of which a table has the most features, by the names of its columns.

    Returns
    -------
    name : str
        Chandra's where there is no feature at all.
    n : int
        Features that it has.

    Raises
    ------
    ModelError
        If it is a survey that no packaged model is for.
    """
    packaged = packaged_models()
    found = {n: _n_features(offered, surveys.load(n), settings, where) for n in surveys.names()}
    found.pop("csc21")  # the same columns as csc20
    most = max(found.values())
    best = [n for n, k in found.items() if k == most]
    served = [n for n in best if n in packaged]
    if most == 0:
        return "csc20", 0
    if not served:
        raise ModelError(
            f"{where}: the table has the columns of survey {best[0]} ({most} features), and no "
            f"packaged model is for it: packaged are {', '.join(packaged)}; train one with xsift "
            f"run --survey {best[0]}, or name one with --model"
        )
    if len(best) > 1:
        others = ", ".join(n for n in best if n != served[0])
        warnings.warn(
            f"{where}: the names of its columns are those of survey {served[0]}, and as well of "
            f"{others}: say which with --survey",
            XsiftWarning,
            stacklevel=3,
        )
    return served[0], most


def _n_features(offered: Sequence[str], survey: Survey, settings: Settings, where: str) -> int:
    given = {n: c for n, c in settings.columns.items() if n in {c.name for c in survey.columns}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        called = naming(offered, survey, where, given).called
    named = {plain_name(n).casefold() for n in offered} | set(called)
    features = survey.feature_set(survey.default_features)
    return sum(survey.gives(f.name, named.__contains__) for f in features)


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
    """Refuse a model for other features, another survey or another version of xsift.

    Raises
    ------
    ModelError
    """
    asked_survey = None if settings.survey is None else surveys.load(settings.survey).name
    own = "," in (settings.features or "")
    features = ",".join(tree.features) if own else tree.feature_set
    for option, asked, has in (
        ("--survey", asked_survey, tree.survey),
        ("--features", settings.features, EARLIER_FEATURES.get(features, features)),
    ):
        if asked is not None and asked != has:
            raise ModelError(
                f"{what}: trained for {option} {has}, not {asked}: give another --model"
            )
    try:
        survey = tree.survey_profile
    except ModelError as error:
        raise ModelError(f"{what}: {error}") from error
    # The calibrated method leaves out what the training table had no values of.
    only = None if tree.method == "paper" else tree.features
    try:
        chosen = survey.feature_set(tree.feature_set, only)
    except SettingError:
        chosen = ()
    if [f.name for f in chosen] != tree.features:
        raise ModelError(f"{what}: its features are not the set {tree.feature_set}: retrain it")
