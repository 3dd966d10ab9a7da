"""The numbers behind the figures of a catalogue: arrays in, long tables out.

Every function takes values and, where it tells populations apart, the number of the population of
each row (-1: none). Each returns an Arrow table that can be drawn, printed and written as it is.
"""

from xsift.report.distributions.counts import (
    against_latitude,
    class_counts,
    detections_per_source,
    feature_histograms,
    shares_above,
    top_probabilities,
)
from xsift.report.distributions.kde import bandwidth, curve, curves, level_of, surface, surfaces
from xsift.report.distributions.medians import class_medians
from xsift.report.distributions.sky import N_LAT, N_LON, SMOOTHING_DEG, sky_densities, sky_density

__all__ = [
    "N_LAT",
    "N_LON",
    "SMOOTHING_DEG",
    "against_latitude",
    "bandwidth",
    "class_counts",
    "class_medians",
    "curve",
    "curves",
    "detections_per_source",
    "feature_histograms",
    "level_of",
    "shares_above",
    "sky_densities",
    "sky_density",
    "surface",
    "surfaces",
    "top_probabilities",
]
