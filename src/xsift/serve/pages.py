"""Sources page by page, in the order of a column."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.errors import SettingError, nearest
from xsift.serve.catalogue import Served

__all__ = ["Orders"]

_KEPT = 12


class Orders:
    """The requested sort orders of a catalogue's sources. The latest ones are kept.

    In both directions, sources with equal values keep the order of the table, and missing values
    come last.
    """

    def __init__(self, served: Served) -> None:
        self._served = served
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def page(self, sort: str, passes: np.ndarray, offset: int, limit: int) -> np.ndarray:
        """Return the indices of one page of the sources that pass the filters.

        Parameters
        ----------
        sort : str
            Name of a column. With ``-`` before it, the highest value comes first. If empty, the
            order is that of the table.

        Raises
        ------
        SettingError
            If the catalogue has no such column.
        """
        if not sort:
            return np.flatnonzero(passes)[offset : offset + limit]
        order = self._order(sort)
        return np.asarray(order[passes[order]][offset : offset + limit])

    def _order(self, sort: str) -> np.ndarray:
        with self._lock:  # one sorts, the others wait for it
            if sort not in self._kept:
                self._kept[sort] = self._sorted(sort.removeprefix("-"), sort.startswith("-"))
            self._kept.move_to_end(sort)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return self._kept[sort]

    def _sorted(self, name: str, falling: bool) -> np.ndarray:
        served = self._served
        if name in served.numbers:
            values = served.numbers[name]
            # NaN is last in NumPy's order, and so it is among the negatives.
            order = np.argsort(-values if falling else values, kind="stable")
            return order.astype(np.int32)
        if name in served.columns:
            column = served.sources[name]
        elif name == "index":
            column = pa.chunked_array([pa.array(np.arange(served.n))])
        else:
            near = nearest(name, served.columns)
            hint = f": did you mean {near}?" if near else ""
            raise SettingError(f"sort: the catalogue has no column {name[:40]!r}{hint}")
        direction = "descending" if falling else "ascending"
        order = pc.sort_indices(column, sort_keys=[("", direction, "at_end")])
        return np.asarray(order.to_numpy(), dtype=np.int32)
