"""Rebuild docs/reproduction.md from the tables beside the clone: `make reproduction`.

Every number of ours between the page's marks is computed here; the paper's stand in paper.toml.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.reproduction.measure import Tables
from tools.reproduction.page import filled, parts

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
PAGE = ROOT / "docs" / "reproduction.md"


def main() -> None:
    if not DATA.is_dir():
        sys.exit(f"the tables are not at {DATA}: the page needs them")
    found = parts(Tables(DATA, lambda step: print(step, file=sys.stderr, flush=True)))
    text = filled(PAGE.read_text("utf-8"), found)
    PAGE.write_text(text, "utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(found)} parts")


if __name__ == "__main__":
    main()
