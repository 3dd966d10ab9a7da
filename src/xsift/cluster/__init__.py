"""Clusters of detections: a Gaussian mixture without labels."""

from xsift.cluster.blocks import ParquetBlocks
from xsift.cluster.gaussian_mixture import GaussianMixture
from xsift.cluster.mixture import Mixture, fit_mixture

__all__ = ["GaussianMixture", "Mixture", "ParquetBlocks", "fit_mixture"]
