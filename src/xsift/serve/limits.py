"""What the server takes and gives at most."""

from dataclasses import dataclass

__all__ = [
    "DOWNLOADS",
    "DRAWN_ROWS",
    "PAGE_ROWS",
    "RESULT_BYTES",
    "SHOWN_ROWS",
    "UPLOAD_BYTES",
    "UPLOAD_FORMATS",
    "UPLOAD_ROWS",
    "WORKER_BYTES",
    "UploadLimits",
]

UPLOAD_BYTES = 64 * 1024**2
UPLOAD_ROWS = 200_000
UPLOAD_FORMATS = ("VOTable", "FITS", "Parquet", "CSV")
WORKER_BYTES = 4 * 1024**3
RESULT_BYTES = 1024**3

DOWNLOADS = 4
SHOWN_ROWS = 1000
"""Rows of a classified upload that its answer holds whole."""
DRAWN_ROWS = 20_000
"""Rows of it of which the answer holds what the maps draw."""
PAGE_ROWS = 200
"""Rows of a table that one answer holds."""


@dataclass(frozen=True)
class UploadLimits:
    """Limits on the number of uploads at once, and on the time of each step.

    A laptop of 2026 reads the largest upload (64 MiB of VOTable, 200,000 rows) in 10 s and
    finishes it in 14 s. The very first upload compiles the kernels, which takes 15 s more.

    Attributes
    ----------
    workers : int
        Largest number of uploads that are processed at once.
    places : int
        Largest number of uploads that arrive, wait or are processed at once.
    arrive_seconds : float
        Time for a file to arrive.
    wait_seconds : float
        Time to wait for a free worker. This limit exceeds `worker_seconds`, so the first in the
        queue always gets a worker.
    read_seconds : float
        Time for a worker to read the file.
    worker_seconds : float
        Time for the whole work of a worker, in wall-clock time and in processor time.
    """

    workers: int = 2
    places: int = 16
    arrive_seconds: float = 60
    wait_seconds: float = 70
    read_seconds: float = 30
    worker_seconds: float = 60
