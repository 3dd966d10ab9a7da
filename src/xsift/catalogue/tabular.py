"""A result as a table, for whatever library the reader works with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import pyarrow as pa

from xsift.write.libraries import astropy_table, pandas_frame

__all__ = ["Tabular"]


class Tabular(ABC):
    """A result that is a table: for astropy, pandas, and all that takes Arrow's PyCapsules."""

    @abstractmethod
    def to_arrow(self) -> pa.Table:
        """Return a pyarrow Table."""

    def to_astropy(self) -> Any:
        """Return an astropy Table, with units, UCDs (``meta``), descriptions and masks."""
        return astropy_table(self.to_arrow())

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame.

        Raises
        ------
        MissingPackageError
            If pandas is not installed.
        """
        return pandas_frame(self.to_arrow())

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)
