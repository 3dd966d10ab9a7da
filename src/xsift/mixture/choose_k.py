"""How many clusters: what each number of components has for and against it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from xsift.errors import XsiftWarning
from xsift.mixture.gaussian_mixture import GaussianMixture
from xsift.mixture.silhouette import silhouettes

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
    collapsed: str


def fit_restarts(
    X: np.ndarray,
    k: int,
    restarts: int,
    seed: int,
    feature_names: Sequence[str],
    each: Callable[[], None] = lambda: None,
) -> list[Restart]:
    """Fit a mixture of `k` components from several starts and judge each fit.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Scaled features, complete.
    k, restarts, seed : int
    feature_names : sequence of str
        For the notes.
    each : callable
        Called after each fit.
    """
    from sklearn.exceptions import ConvergenceWarning

    fits, labels, criteria = [], [], []
    for restart in range(restarts):
        model = GaussianMixture(k, random_state=seed + restart)
        with warnings.catch_warnings():
            # Said once for the whole scan, from `collapsed` and `is_converged`.
            warnings.simplefilter("ignore", XsiftWarning)
            warnings.simplefilter("ignore", ConvergenceWarning)
            fits.append(model.fit(X))
        labels.append(model.predict(X))
        criteria.append(model.information_criteria(X))
        each()
    together = np.array(labels)
    silhouette = silhouettes(X, together, seed)
    stability = _stability(together, k)
    return [
        Restart(
            k=k,
            restart=r,
            **criteria[r]._asdict(),
            silhouette=float(silhouette[r]),
            stability=stability[r],
            n_iter=int(model.n_iter_),
            is_converged=bool(model.converged_),
            collapsed=" ".join(sorted({feature_names[c.feature] for c in model.collapses_})),
        )
        for r, model in enumerate(fits)
    ]


def _stability(labels: np.ndarray, k: int) -> list[float]:
    """Return the mean adjusted Rand index between each labelling and the others."""
    from sklearn.metrics import adjusted_rand_score

    m = len(labels)
    if k == 1 or m == 1:
        return [math.nan] * m
    agree = np.full((m, m), np.nan)
    for a, b in combinations(range(m), 2):
        agree[a, b] = agree[b, a] = adjusted_rand_score(labels[a], labels[b])
    return [float(x) for x in np.nanmean(agree, axis=1)]


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
        said += f"; restarts agree (adjusted Rand index 0.9 and more) up to K = {max(steady)}"
    elif judged:
        most = max(judged, key=lambda k: _mean(by_k[k], "stability"))
        said += f"; restarts agree best at K = {most} ({_mean(by_k[most], 'stability'):.2f})"
    return said + "."


def _flattens_after(ks: Sequence[int], bic: np.ndarray) -> int | None:
    gain = -np.diff(bic)  # of the component that makes ks[i + 1]
    for i in range(1, len(gain)):
        if gain[i] < gain[:i].mean() / 4:
            return ks[i]
    return None


def _mean(fits: Sequence[Restart], what: str) -> float:
    return float(np.mean([getattr(f, what) for f in fits]))
