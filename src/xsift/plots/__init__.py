"""Figures: each function takes arrays and a Matplotlib Axes, draws, and returns the Axes.

Nothing here reads, saves or touches pyplot's state.
"""

from xsift.plots.bars import (
    against_latitude,
    class_fractions,
    class_probabilities,
    detections_per_source,
    shares_above,
)
from xsift.plots.confusion import confusion_counts, confusion_matrix, cross_table, share_matrix
from xsift.plots.counts import against_counts
from xsift.plots.curves import (
    class_looks,
    density_curves,
    histogram_steps,
    line_looks,
    series_looks,
    source_marks,
)
from xsift.plots.effects import effects
from xsift.plots.labels import against_labels
from xsift.plots.legends import enlarge, legend_beside, legend_over
from xsift.plots.names import feature_label, printable
from xsift.plots.planes import hardness_plane, variability_plane
from xsift.plots.reliability import purity_completeness, reliability
from xsift.plots.scan import against_k
from xsift.plots.sky import UNSEEN, galactic_density, galactic_map, galactic_points, galactic_unseen
from xsift.plots.source import feature_distributions, source_in_plane
from xsift.plots.style import (
    GROUP_COLOURS,
    GROUP_MARKERS,
    class_colours,
    figure_style,
    look_of,
    scatter_groups,
    scatter_values,
)
from xsift.plots.surfaces import (
    density_contours,
    density_surface,
    level_key,
    source_points,
)

__all__ = [
    "GROUP_COLOURS",
    "GROUP_MARKERS",
    "UNSEEN",
    "against_counts",
    "against_k",
    "against_labels",
    "against_latitude",
    "class_colours",
    "class_fractions",
    "class_looks",
    "class_probabilities",
    "confusion_counts",
    "confusion_matrix",
    "cross_table",
    "density_contours",
    "density_curves",
    "density_surface",
    "detections_per_source",
    "effects",
    "enlarge",
    "feature_distributions",
    "feature_label",
    "figure_style",
    "galactic_density",
    "galactic_map",
    "galactic_points",
    "galactic_unseen",
    "hardness_plane",
    "histogram_steps",
    "legend_beside",
    "legend_over",
    "level_key",
    "line_looks",
    "look_of",
    "printable",
    "purity_completeness",
    "reliability",
    "scatter_groups",
    "scatter_values",
    "series_looks",
    "share_matrix",
    "shares_above",
    "source_in_plane",
    "source_marks",
    "source_points",
    "variability_plane",
]
