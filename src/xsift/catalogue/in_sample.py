"""How many detections of a written catalogue trained its model: to be said before all else."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from xsift.catalogue.folder import CatalogueFolder

__all__ = ["InSample", "in_sample_of", "names_that_trained"]


@dataclass(frozen=True)
class InSample:
    """What of a catalogue trained its model.

    Attributes
    ----------
    trained, detections : int
        Detections that trained; all.
    vote : bool
        Whether those that trained vote, too.
    sources, without_a_vote : int or None
        Sources with such a detection that have a row in the table of sources; those without a row.
        None where there are no detections to tell.
    """

    trained: int
    detections: int
    vote: bool
    sources: int | None = None
    without_a_vote: int | None = None

    def __str__(self) -> str:
        if not self.trained:
            return ""
        said = (
            f"In-sample: {self.trained:,} of {self.detections:,} detections trained the model, "
            f"and {'vote' if self.vote else 'do not vote'}. Their probabilities look better than "
            "those of new detections."
        )
        if self.sources is None:
            return said
        return (
            f"{said} Of the sources here {self.sources:,} have such a detection; "
            f"{self.without_a_vote:,} more have no vote and no row."
        )


def in_sample_of(found: CatalogueFolder, of_record: bool = False) -> InSample:
    """Count what of a catalogue trained its model: in its detections, or `of_record` alone."""
    asked = found.record.get("settings")
    vote = isinstance(asked, dict) and asked.get("vote_trained") is True
    if of_record or not found.has_detections:
        counted = found.record.get("counts")
        counts = counted if isinstance(counted, dict) else {}
        n = [c if type(c := counts.get(k)) is int else 0 for k in ("trained", "detections")]
        return InSample(n[0], n[1], vote)
    table = found.read("detections", ["name", "role"])
    if "role" not in table.column_names:
        return InSample(0, table.num_rows, vote)
    n_trained = int(pc.sum(pc.equal(table["role"], "trained")).as_py() or 0)
    if not n_trained:
        return InSample(0, table.num_rows, vote, 0, 0)
    names = names_that_trained(table)
    here = pc.is_in(names, value_set=found.read("sources", ["name"])["name"].combine_chunks())
    n_here = int(pc.sum(here).as_py() or 0)
    return InSample(n_trained, table.num_rows, vote, n_here, len(names) - n_here)


def names_that_trained(detections: pa.Table) -> pa.Array:
    """Return the names of the sources of which a detection trained, each once."""
    trained = detections.filter(pc.equal(detections["role"], "trained"))
    return pc.unique(trained["name"].drop_null())
