"""What the server takes and gives at most."""

UPLOAD_BYTES = 64 * 1024**2
UPLOAD_ROWS = 200_000
UPLOAD_FORMATS = ("VOTable", "FITS", "Parquet", "CSV")
UPLOAD_SECONDS = 60.0
"""For a file to arrive."""

WORKERS = 2
DOWNLOADS = 4
WORKER_SECONDS = 90
WORKER_BYTES = 4 * 1024**3
SHOWN_ROWS = 1000
PAGE_ROWS = 200
"""Rows of a table that one answer holds."""
