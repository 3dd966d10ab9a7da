"""How many clusters: what each number of components has for and against it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from xsift.errors import XsiftWarning
from xsift.mixture.blocks import ArrayRows
from xsift.mixture.restarts import Race, RestartedMixture
from xsift.mixture.scoring import Criteria
from xsift.mixture.silhouette import sample_for_silhouettes, silhouettes
from xsift.mixture.streams import ParquetBlocks, as_rows

__all__ = ["Restart", "advice", "fit_restarts"]


@dataclass(frozen=True)
class Restart:
    """One fit of a mixture, judged.

    Attributes
    ----------
    k, restart : int
        Number of components; number of the fit, whose seed is the scan's plus this.
    bic, aic, icl : float
        Smaller is better. ICL is BIC plus twice the entropy of the memberships.
    silhouette : float
        -1 to 1; NaN for one component, or where all rows fall into one.
    stability : float
        Mean adjusted Rand index between this fit and the others with the same k; NaN for k = 1.
    n_iter : int
    is_converged : bool
    is_stopped : bool
        True where the start was clearly behind another one: only one iteration was made on
        all rows, so that it has not converged. Its numbers are those of its place then.
    collapsed : str
        Features in which a component stands at the floor of its variance: a spike, or too few
        rows. Where there are any, the likelihood and with it BIC, AIC and ICL say less.
    """

    k: int
    restart: int
    bic: float
    aic: float
    icl: float
    silhouette: float
    stability: float
    n_iter: int
    is_converged: bool
    is_stopped: bool
    collapsed: str


def fit_restarts(
    X: np.ndarray | ParquetBlocks,
    k: int,
    restarts: int,
    seed: int,
    feature_names: Sequence[str],
    each: Callable[[], None] = lambda: None,
    device: str = "cpu",
) -> list[Restart]:
    """Fit a mixture of `k` components from several starts and judge each fit.

    Parameters
    ----------
    X : ndarray of shape (n, d), or ParquetBlocks
        Scaled features, complete.
    k, restarts, seed : int
    feature_names : sequence of str
        For the notes.
    each : callable
        Called after each fit.
    device : {"cpu", "gpu", "auto"}
        Where mixtures are fitted, and rows judged by them.
    """
    from sklearn.exceptions import ConvergenceWarning

    fits, race = [], Race(k, restarts)
    # Not the blocks, which name their columns: the slabs that are labelled later have no names.
    given = X if isinstance(X, np.ndarray) else lambda: X()
    for restart in range(restarts):
        model = RestartedMixture(k, random_state=seed + restart, device=device).enter(race)
        with warnings.catch_warnings():
            # Said once for the whole scan, from `collapsed` and `is_converged`.
            warnings.simplefilter("ignore", XsiftWarning)
            warnings.simplefilter("ignore", ConvergenceWarning)
            fits.append(model.fit(given))
        each()
    criteria, silhouette, tables = _judged(X, fits, seed)
    stability = _stability(tables)
    return [
        Restart(
            k=k,
            restart=r,
            **criteria[r]._asdict(),
            silhouette=float(silhouette[r]),
            stability=stability[r],
            n_iter=int(model.n_iter_),
            is_converged=bool(model.converged_),
            is_stopped=model.is_stopped_,
            collapsed=" ".join(sorted({feature_names[c.feature] for c in model.collapses_})),
        )
        for r, model in enumerate(fits)
    ]


def _judged(
    X: np.ndarray | ParquetBlocks, fits: Sequence[RestartedMixture], seed: int
) -> tuple[list[Criteria], np.ndarray, np.ndarray]:
    """Judge all fits in one visit of the rows, slab by slab, and compare their labellings.

    Returns
    -------
    criteria : list of Criteria
    silhouette : ndarray of shape (m,)
    tables : ndarray of int, shape (m, m, k, k)
        How many rows have label i in one labelling and j in the other.
    """
    k, m = fits[0].n_components, len(fits)
    rows = ArrayRows(X) if isinstance(X, np.ndarray) else as_rows(X, None)[0]
    n = sum(len(slab.X) for slab in rows.slabs())
    chosen = sample_for_silhouettes(n, seed)
    sums = np.zeros((m, 3))
    tables = np.zeros((m, m, k, k), dtype=np.int64)
    X_chosen, labels_chosen = [], []
    for slab in rows.slabs():
        judged = [model.judge(slab.X) for model in fits]
        sums += [of_slab for of_slab, _ in judged]
        labels = np.array([labels for _, labels in judged])
        for a, b in combinations(range(m), 2):
            pairs = np.bincount(labels[a] * k + labels[b], minlength=k * k).reshape(k, k)
            tables[a, b] += pairs
            tables[b, a] += pairs.T
        first, last = np.searchsorted(chosen, [slab.first, slab.first + len(slab.X)])
        here = chosen[first:last] - slab.first
        X_chosen.append(slab.X[here])
        labels_chosen.append(labels[:, here])
    criteria = [model.criteria(one) for model, one in zip(fits, sums, strict=True)]
    silhouette = silhouettes(np.concatenate(X_chosen), np.concatenate(labels_chosen, axis=1))
    return criteria, silhouette, tables


def _stability(tables: np.ndarray) -> list[float]:
    """Return the mean adjusted Rand index between each labelling and the others."""
    m, k = len(tables), tables.shape[2]
    if k == 1 or m == 1:
        return [math.nan] * m
    agree = np.full((m, m), np.nan)
    for a, b in combinations(range(m), 2):
        agree[a, b] = agree[b, a] = _adjusted_rand(tables[a, b])
    return [float(x) for x in np.nanmean(agree, axis=1)]


def _adjusted_rand(table: np.ndarray) -> float:
    """Return the agreement of two labellings beyond chance, from their contingency table.

    References
    ----------
    Hubert & Arabie 1985, J. Classification 2, 193.
    """
    # Ordered pairs of rows; whole numbers of Python, as those of 4e9 rows do not fit 64 bits.
    n, both = int(table.sum()), sum(x * x for x in table.ravel().tolist())
    one, other = (sum(x * x for x in table.sum(axis=i).tolist()) for i in (0, 1))
    together, apart = both - n, n * n - one - other + both
    only_one, only_other = one - both, other - both
    if only_one == 0 and only_other == 0:
        return 1.0
    chance = (together + only_one) * (only_one + apart)
    chance += (together + only_other) * (only_other + apart)
    return float(2 * (together * apart - only_one * only_other) / chance)


def advice(fits: Sequence[Restart]) -> str:
    """Say in a sentence or two what the scan advises.

    BIC chooses where it has a minimum inside the range from which it rises again by more than the
    restarts scatter. Where it keeps falling, as it does when clusters are not Gaussian, the place
    where its fall flattens is named instead: the k after which another component gains less than a
    quarter of what the components before gained on average.
    """
    by_k = {k: [f for f in fits if f.k == k] for k in sorted({f.k for f in fits})}
    ks = list(by_k)
    if len(ks) < 3:
        return "Too few numbers of clusters to compare: scan three at least."
    bic = np.array([min(f.bic for f in by_k[k]) for k in ks])
    best = ks[int(bic.argmin())]
    scatter = float(np.std([f.bic for f in by_k[best]]))
    if best != ks[0] and bic[-1] - bic.min() > scatter:
        said = f"BIC is lowest at K = {best}"
    elif best == ks[0]:
        said = f"BIC is lowest at K = {best}, the smallest scanned: the data show no clusters"
    else:
        flat = _flattens_after(ks, bic)
        said = f"BIC keeps falling up to K = {ks[-1]}, so it does not choose"
        said += f"; its fall flattens after K = {flat}" if flat else ""
    judged = [k for k in ks if not math.isnan(_mean(by_k[k], "silhouette"))]
    if judged:
        compact = max(judged, key=lambda k: _mean(by_k[k], "silhouette"))
        said += f". Clusters are most compact at K = {compact}"
        said += f" (silhouette {_mean(by_k[compact], 'silhouette'):.2f})"
    steady = [k for k in judged if _mean(by_k[k], "stability") >= 0.9]
    if steady:
        said += f"; restarts agree (adjusted Rand index at least 0.9) at K = {_listed(steady)}"
    elif judged:
        most = max(judged, key=lambda k: _mean(by_k[k], "stability"))
        said += f"; restarts agree best at K = {most} ({_mean(by_k[most], 'stability'):.2f})"
    return said + "."


def _listed(ks: Sequence[int]) -> str:
    """Write numbers, neighbours as a range: ``2 to 4, 7``."""
    runs: list[list[int]] = []
    for k in ks:
        if runs and k == runs[-1][-1] + 1:
            runs[-1].append(k)
        else:
            runs.append([k])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _flattens_after(ks: Sequence[int], bic: np.ndarray) -> int | None:
    gain = -np.diff(bic)  # of the component that makes ks[i + 1]
    for i in range(1, len(gain)):
        if gain[i] < gain[:i].mean() / 4:
            return ks[i]
    return None


def _mean(fits: Sequence[Restart], what: str) -> float:
    return float(np.mean([getattr(f, what) for f in fits]))
