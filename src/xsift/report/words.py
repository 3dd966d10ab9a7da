"""What the report says in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["DEFINITIONS", "LIMITS", "protocol_in_words"]


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(" ".join(part.split()) for part in text.strip().split("\n\n"))


DEFINITIONS = _paragraphs(
    """
The probability of a group is the sum over its classes. All figures are taken after division by
the sum over the classes: the probability of none of them is judged apart.

Accuracy, log-loss, Brier score and ECE take the probabilities as they stand, under the class
shares of the training set. The log-loss is the mean of -ln p of the true class, with p not
below 1e-6. The Brier score is the mean sum over the classes of (p - truth)². The ECE, expected
calibration error, is the mean difference of top probability and share that is right, over ten
equal bins of the top probability, weighted by their numbers.

Balanced accuracy, recall, precision and confusion take the decision argmax p / prior, with the
class shares of the training set as the prior. The balanced accuracy is the mean of the recalls.
A method that states no shares decides by argmax p: the published one.

Intervals are 95 %, from 1,000 resamples of the independent sources: the detections of a source
stay together. They are percentiles; for the ECE, which resampling raises, they are shifted by the
mean excess. They do not hold the scatter of training sets.

By source: after fusion of its detections, and each source counts once. A source whose
detections carry two labels has the more frequent one, of equally frequent ones the first in the
order of the classes.
"""
)

LIMITS = _paragraphs(
    """
The labels are taken as true. SIMBAD's types hold errors, above all among active galaxies (AGN,
quasar, Seyfert), so that no method can reach 1, and small differences mean little.

The labelled sources are not a fair sample of the sky: they are the bright and the well-studied
ones. What holds here need not hold for faint, unlabelled sources.

Folds by source leave neighbours of a field on both sides: the same cluster of stars, the same
galaxy. Folds by blocks of the sky show what of the figures rests on that.

In the labelled table of CSC 2.1 two of the hardness ratios are values of the source, the third
of the detection. A method may read from their mismatch whether a source has other detections: a
property of the table, not of the sky. See the strata by closure and by number of detections.
"""
)


def protocol_in_words(record: Mapping[str, Any]) -> list[str]:
    """Say what was trained on what, and tested on what."""
    counts, protocol = record["counts"], record["protocol"]
    said = [
        f"{counts['labelled_detections']:,} detections of {counts['labelled_sources']:,} sources "
        f"carry a label of one of {len(record['classes'])} classes, among {counts['detections']:,} "
        f"detections of {counts['sources']:,} sources. {counts['sources_with_two_labels']:,} "
        f"sources carry two labels. {counts['detections_of_other_types']:,} detections of "
        f"{counts['sources_of_other_types']:,} sources are of a type that is certainly none of "
        f"the classes. {counts['incomplete_detections']:,} detections miss a feature.",
        f"The sources were dealt at random, evenly within each class, to {protocol['folds']} "
        "folds. Each fold was classified by a method that was fitted, with its scaling, "
        "clustering, calibration and all else, on the others. Sources that share a detection, or "
        "have two with the same features, were dealt as one. The run fails if a source or an "
        "identical detection stands on both sides: none does. Names, order and positions are no "
        "features. Detections without a label stay in the training rows, unlabelled.",
    ]
    done = record["results"]
    if "sky" in done:
        said.append(
            f"Folds by blocks of the sky: the sources were cut along {protocol['sky_order']} into "
            f"{protocol['blocks_of_the_sky']} contiguous blocks, which were dealt to the folds."
        )
    if "shares" in done:
        said.append(
            f"Few labels: in each of {protocol['draws']} draws a share of the training sources of "
            "each class, at least one, kept their labels; the detections of the others stayed as "
            "unlabelled ones. What the smaller share keeps, the larger keeps too."
        )
    if "missing" in done:
        said.append(
            f"Missing values: {100 * protocol['hidden_share']:g} % of all values were hidden at "
            "random, in training and test rows, or in the test rows only."
        )
    if "none" in done:
        said.append(
            "None of these: each other type with at least 20 sources was held out in turn, the "
            "rarer ones together. Its training rows stayed, without their type. Ambiguous types, "
            "candidates, wavelength bands and types that are active galaxies by another name take "
            "no part."
        )
    return said
