"""The corpus: one table of detections as many kinds of file; see `formats`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
