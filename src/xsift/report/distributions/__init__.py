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
from xsift.report.distributions.feature_map import FeatureMap, feature_map
from xsift.report.distributions.kde import (
    FEWEST,
    bandwidth,
    curve,
    curves,
    level_of,
    surface,
    surfaces,
)
from xsift.report.distributions.medians import class_medians
from xsift.report.distributions.sky import (
    N_LAT,
    N_LON,
    SMOOTHING_DEG,
    map_centres,
    sky_densities,
    sky_density,
    sky_near,
)

__all__ = [
    "FEWEST",
    "N_LAT",
    "N_LON",
    "SMOOTHING_DEG",
    "FeatureMap",
    "against_latitude",
    "bandwidth",
    "class_counts",
    "class_medians",
    "curve",
    "curves",
    "detections_per_source",
    "feature_histograms",
    "feature_map",
    "level_of",
    "map_centres",
    "shares_above",
    "sky_densities",
    "sky_density",
    "sky_near",
    "surface",
    "surfaces",
    "top_probabilities",
]
