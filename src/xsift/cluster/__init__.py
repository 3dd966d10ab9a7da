"""Clusters of detections: a Gaussian mixture without labels."""

from xsift.cluster.mixture import Mixture, fit_mixture

__all__ = ["Mixture", "fit_mixture"]
