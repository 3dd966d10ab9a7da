"""Tables as HATS collections, cut and written by the hats library in bounded memory."""

from xsift.write.hats.files import PARTITION_ROWS, Cut, hats_names, stage_hats, write_hats
from xsift.write.hats.plan import MARGIN
from xsift.write.hats.rows import INDEX, Tables, in_one, positions, read_parts

__all__ = [
    "INDEX",
    "MARGIN",
    "PARTITION_ROWS",
    "Cut",
    "Tables",
    "hats_names",
    "in_one",
    "positions",
    "read_parts",
    "stage_hats",
    "write_hats",
]
