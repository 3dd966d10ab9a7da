"""Class shares that a user states, and those of a table under label shift."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from threadpoolctl import ThreadpoolController

from xsift.classes import Classes
from xsift.classes.text_file import read_text_file
from xsift.errors import SettingError
from xsift.model import Classification, Model, PaperModel
from xsift.model.calibrated import Prior

__all__ = [
    "all_shares",
    "estimate_shares",
    "reweight",
    "under_prior",
    "wanted_prior",
]

_MOST = 1e12
_LEAST = 1e-6  # a share that starts at 0 stays there
_ROWS = 4_096


def under_prior(said: Classification, model: Model, wanted: str) -> Classification:
    """Re-weight probabilities to other class shares.

    Parameters
    ----------
    said : Classification
        Under the shares of the model's training set.
    model : Model
    wanted : str
        ``train``; ``uniform``: all trained classes alike; or a TOML file with the share of each
        class by its code, and of ``none``. A class that the file does not name has the share 0;
        where it does not name none, its share stays.

    Raises
    ------
    SettingError
        If the file cannot serve, or the model is the paper's, which knows no shares.
    """
    if wanted == "train":
        return said
    before, after = _before(model, wanted), wanted_prior(model, wanted)
    p = reweight(np.column_stack([said.p, said.p_none]), all_shares(before), all_shares(after))
    return replace(said, p=p[:, :-1], p_none=p[:, -1])


def wanted_prior(model: Model, wanted: str) -> Prior:
    """Return the class shares that `under_prior` re-weights to.

    Raises
    ------
    SettingError
        As `under_prior` does.
    """
    before = _before(model, wanted)
    if wanted == "train":
        return before
    if wanted == "uniform":
        is_known = before.shares > 0
        return Prior(is_known / is_known.sum(), before.none_share)
    return _read_prior(Path(wanted), model.classes, before)


def _before(model: Model, wanted: str) -> Prior:
    if isinstance(model, PaperModel):
        raise SettingError(
            f"--prior {wanted}: the paper's method has no class shares to replace: train or choose "
            "a model of --method calibrated"
        )
    return model.prior


def reweight(p: np.ndarray, shares: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Turn probabilities that hold under some class shares into those under others.

    Parameters
    ----------
    p : ndarray of shape (n, C)
        Rows sum to 1, or are NaN.
    shares, other : ndarray of shape (C,)
        Class shares before and after; a class of share 0 before stays at 0.
    """
    q = p * np.where(shares > 0, other / np.where(shares > 0, shares, 1.0), 0.0)
    total = q.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(q, total, out=p.copy(), where=total > 0))


def estimate_shares(
    p: np.ndarray,
    shares: np.ndarray,
    weight: np.ndarray | None = None,
    start: np.ndarray | None = None,
    tol: float = 1e-6,
    max_iter: int = 500,
) -> np.ndarray:
    """Estimate the class shares of a table from its probabilities, by maximum likelihood.

    It holds where detections of one class look alike here and in training, and only their numbers
    differ (label shift).

    Parameters
    ----------
    p : ndarray of shape (n, C)
        Under `shares`; rows of NaN are passed over.
    shares : ndarray of shape (C,)
        A class of share 0 stays at 0.
    weight : ndarray of shape (n,) or (n, k), optional
        Of the rows: in each column those of another draw of the table.
    start : ndarray of shape (C,), optional
        Where to begin, where not with `shares`.

    Returns
    -------
    ndarray of shape (C,) or (C, k)

    References
    ----------
    Saerens, Latinne & Decaestecker 2002, Neural Computation 14, 21.
    """
    weight = np.ones(len(p)) if weight is None else weight
    known, there = ~np.isnan(p).any(axis=1), shares > 0
    weight = weight[known]
    likelihood = np.ascontiguousarray(p[np.ix_(known, there)] / shares[there])
    total = np.maximum(weight.sum(axis=0), 1.0)
    begin = shares[there] if start is None else np.maximum(start[there], _LEAST)
    estimate = np.tensordot(begin / begin.sum(), np.ones(weight.shape[1:]), axes=0)
    # With several threads the linear algebra would mostly wait for them, on parts as small.
    with _threads().limit(limits=1):
        for _ in range(max_iter if known.any() else 0):
            last, sums = estimate, np.zeros_like(estimate)
            # Some rows after the others: each comes from memory once a step.
            for first in range(0, len(weight), _ROWS):
                part, w = likelihood[first : first + _ROWS], weight[first : first + _ROWS]
                sums += part.T @ (w / (part @ estimate))
            estimate = estimate * sums / total
            if np.abs(estimate - last).max() < tol:
                break
    out = np.zeros((len(shares), *weight.shape[1:]))
    out[there] = estimate
    return out


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()  # a look at all loaded libraries: milliseconds


def all_shares(prior: Prior) -> np.ndarray:
    """Return the shares of the classes, and after them that of none of them; they sum to 1."""
    return np.append(prior.shares * (1 - prior.none_share), prior.none_share)


def _read_prior(path: Path, classes: Classes, before: Prior) -> Prior:
    try:
        given = tomllib.loads(read_text_file(path))
    except (
        OSError,
        ValueError,
        RecursionError,
    ) as error:  # of text, of TOML, of a number with too many digits
        raise SettingError(
            f"--prior {path}: not train, not uniform, and no TOML file that can be read: {error}"
        ) from error
    known = [*classes.codes, "none"]
    for code, share in given.items():
        if code not in known:
            raise SettingError(f"--prior {path}: {code!r}: allowed are {', '.join(known)}")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= _MOST:
            raise SettingError(f"--prior {path}: {code} = {share!r}: a share is 0 to {_MOST:g}")
    shares = np.array([float(given.get(code, 0.0)) for code in classes.codes])
    if lost := [
        c
        for c, new, old in zip(classes.codes, shares, before.shares, strict=True)
        if new > 0 and old == 0
    ]:
        raise SettingError(f"--prior {path}: the model was trained without {', '.join(lost)}")
    if shares.sum() <= 0:
        raise SettingError(f"--prior {path}: no class has a share above 0")
    none = (
        float(given["none"]) / (shares.sum() + float(given["none"]))
        if "none" in given
        else (before.none_share)
    )
    return Prior(shares / shares.sum(), none)
