"""Clusters of detections: a Gaussian mixture without labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xsift.mixture.mixture import Mixture, fit_mixture, log_density_and_responsibilities

if TYPE_CHECKING:
    from xsift.mixture.class_mixtures import ClassMixtures, fit_class_mixtures, mean_posterior
    from xsift.mixture.evidence import weigh_roots
    from xsift.mixture.gaussian_mixture import GaussianMixture
    from xsift.mixture.missing import group_by_pattern
    from xsift.mixture.streams import ParquetBlocks

__all__ = [
    "ClassMixtures",
    "GaussianMixture",
    "Mixture",
    "ParquetBlocks",
    "fit_class_mixtures",
    "fit_mixture",
    "group_by_pattern",
    "log_density_and_responsibilities",
    "mean_posterior",
    "weigh_roots",
]


def __getattr__(name: str) -> Any:
    # scikit-learn and the kernels take a second to import, and classifying needs neither.
    if name == "GaussianMixture":
        from xsift.mixture.gaussian_mixture import GaussianMixture

        return GaussianMixture
    if name == "ParquetBlocks":
        from xsift.mixture.streams import ParquetBlocks

        return ParquetBlocks
    if name in ("ClassMixtures", "fit_class_mixtures", "mean_posterior"):
        from xsift.mixture import class_mixtures

        return getattr(class_mixtures, name)
    if name == "group_by_pattern":
        from xsift.mixture.missing import group_by_pattern

        return group_by_pattern
    if name == "weigh_roots":
        from xsift.mixture.evidence import weigh_roots

        return weigh_roots
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
