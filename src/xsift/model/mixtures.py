"""Mixtures of all detections, labelled or not."""

from __future__ import annotations

import warnings

import numpy as np

from xsift.errors import XsiftWarning
from xsift.mixture import Mixture

__all__ = ["fit_mixtures"]

_COMPONENTS = 40
_MIXTURES = 2


def fit_mixtures(
    Z: np.ndarray,
    seed: int,
    number: int = _MIXTURES,
    weight: np.ndarray | None = None,
    device: str = "cpu",
) -> tuple[Mixture, ...]:
    """Fit mixtures to all detections, each from another seed.

    Parameters
    ----------
    Z : ndarray of shape (n, d)
        Normal scores; NaN is missing.
    seed, number : int
    weight : ndarray of shape (n,), optional
    device : {"cpu", "gpu", "auto"}
        Where they are fitted.
    """
    from sklearn.exceptions import ConvergenceWarning

    from xsift.mixture import GaussianMixture

    K = max(1, min(_COMPONENTS, len(Z) // 100))
    fitted = []
    with warnings.catch_warnings():
        # Spikes are what the data hold (var_prob exactly 1), and the floor of the variance is wide:
        # such components do no harm here. Nor does a mixture that could still be a little better.
        warnings.simplefilter("ignore", XsiftWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        for i in range(number):
            model = GaussianMixture(
                K, reg_covar=1e-2, max_iter=40, tol=1e-2, random_state=seed + i, device=device
            ).fit(Z, sample_weight=weight)
            fitted.append(Mixture(model.weights_, model.means_, model.covariances_))
    return tuple(fitted)
