"""Where a table is cut: cells of the sky of so many rows, and what lies at their edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["HIGHEST", "MARGIN", "TOP", "Plan"]

TOP = 29
"""HEALPix order (nested) of the cells that HATS sorts by."""

HIGHEST = 8
"""Order of the smallest partitions, 14 arcmin: about the field of an X-ray telescope."""

MARGIN = 30.0
"""Width of the margin, arcsec: a match across the edge of a partition is found up to so far."""


@dataclass(frozen=True, eq=False)
class Plan:
    """The partitions of a table, and what lies at their edges.

    Attributes
    ----------
    order : int
    pixels : list of HealpixPixel
        The partitions, in the order of the sky.
    number : ndarray of int
        That of the partition of each cell of `order`; -1 where there is none.
    around : list of HealpixPixel
        The partitions, and the cells between them, where another catalogue may have rows.
    edge_order : int
    edge : ndarray of int
        Cells of `edge_order` that lie beside one of `around`, rising.
    edge_of : ndarray of int
        Number, in `around`, of the one that each lies beside.
    """

    order: int
    pixels: list[Any]
    number: np.ndarray
    around: list[Any]
    edge_order: int
    edge: np.ndarray
    edge_of: np.ndarray

    @classmethod
    def of(cls, histogram: np.ndarray, rows: int) -> Plan:
        """Choose the largest cells of at most so many rows, by the rows of the smallest ones."""
        from hats.pixel_math import HealpixPixel, generate_alignment
        from hats.pixel_math.healpix_pixel_function import sort_pixels
        from hats.pixel_math.healpix_shim import margin2order

        order, fine = 0, histogram.reshape(12, -1).sum(axis=1)
        while order < HIGHEST and fine.max() > rows:
            order += 1
            fine = histogram.reshape(12 * 4**order, -1).sum(axis=1)
        # A cell with more rows than a partition may have must not make all others as large.
        found = generate_alignment(np.minimum(fine, rows), order, threshold=rows)
        place = [None if cell is None else HealpixPixel(*cell[:2]) for cell in found]
        pixels = list(sort_pixels(list({pixel for pixel in place if pixel is not None})))
        at = {pixel: k for k, pixel in enumerate(pixels)}
        number = np.array([-1 if pixel is None else at[pixel] for pixel in place])
        around = [*pixels, *_between(pixels)]
        edge_order = int(margin2order(MARGIN / 60))
        edge, edge_of = _edges(around, edge_order)
        return cls(order, pixels, number, around, edge_order, edge, edge_of)

    def inside(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of rising cells of order 29, by their partitions, and the latter."""
        return np.arange(len(cells)), self.number[cells >> 2 * (TOP - self.order)]

    def beside(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows that lie beside one of `around`, by these, and the latter."""
        cell = cells >> 2 * (TOP - self.edge_order)
        first, last = (np.searchsorted(self.edge, cell, side) for side in ("left", "right"))
        n = last - first
        rows = np.repeat(np.arange(len(cells)), n)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(n) - n, n)
        of = self.edge_of[np.repeat(first, n) + within]
        order = np.argsort(of, kind="stable")
        return rows[order], of[order]


def _between(pixels: list[Any]) -> list[Any]:
    """Return the largest cells that hold no partition."""
    from hats.catalog import Catalog, TableProperties

    about = TableProperties(
        catalog_name="x", catalog_type="object", ra_column="ra", dec_column="dec"
    )
    return list(Catalog(about, pixels).generate_negative_tree_pixels())


def _edges(around: list[Any], order: int) -> tuple[np.ndarray, np.ndarray]:
    """List the cells of an order that touch cells from outside, rising, and which these are."""
    from hats.pixel_math import get_margin

    edges = [np.array(get_margin(p.order, p.pixel, order - p.order), np.int64) for p in around]
    edge, of = np.concatenate(edges), np.repeat(np.arange(len(edges)), [len(e) for e in edges])
    rising = np.argsort(edge, kind="stable")
    return edge[rising], of[rising]
