"""Figures: each function takes arrays and a Matplotlib Axes, draws, and returns the Axes.

Nothing here reads, saves or touches pyplot's state.
"""

from xsift.plots.confusion import confusion_counts, confusion_matrix, cross_table
from xsift.plots.labels import against_labels
from xsift.plots.planes import hardness_plane, variability_plane
from xsift.plots.reliability import reliability
from xsift.plots.scan import against_k
from xsift.plots.sky import galactic_map
from xsift.plots.source import feature_distributions, source_in_plane
from xsift.plots.style import GROUP_COLOURS, GROUP_MARKERS, figure_style, look_of

__all__ = [
    "GROUP_COLOURS",
    "GROUP_MARKERS",
    "against_k",
    "against_labels",
    "confusion_counts",
    "confusion_matrix",
    "cross_table",
    "feature_distributions",
    "figure_style",
    "galactic_map",
    "hardness_plane",
    "look_of",
    "reliability",
    "source_in_plane",
    "variability_plane",
]
