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
    """How many uploads there may be at once, and how long each step of one may take.

    The largest upload (64 MiB of VOTable, 200,000 rows) is read in 10 s and done in 14 s on a
    laptop of 2026. The first upload ever compiles the kernels, in 15 s more.

    Attributes
    ----------
    workers : int
        Uploads that are worked on at once.
    places : int
        Uploads that may arrive, wait or be worked on at once.
    arrive_seconds : float
        For a file to arrive.
    wait_seconds : float
        For a worker to be free. More than a worker may take: the first who waits gets one.
    read_seconds : float
        For a worker to read the file.
    worker_seconds : float
        For a worker's whole work, by the clock and by the processor.
    """

    workers: int = 2
    places: int = 16
    arrive_seconds: float = 60
    wait_seconds: float = 70
    read_seconds: float = 30
    worker_seconds: float = 60
