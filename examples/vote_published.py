"""From the probabilities of detections to sources: the two votes.

    python examples/vote_published.py [paper_detection_level.csv.gz]

With the paper's table of 14,507 detections this gives its 8,756 sources, 8,271 of them unique.
Without it, three sources made by hand show how the votes work.
"""

import sys
from pathlib import Path
from tempfile import mkdtemp

import xsift

BY_HAND = """\
name,obsid,QSO,AGN,HMXB,YSO
both votes agree,1,0.7,0.2,0.1,0.0
both votes agree,2,0.6,0.3,0.1,0.0
one loud detection,1,0.4,0.3,0.3,0.0
one loud detection,2,0.4,0.3,0.3,0.0
one loud detection,3,0.0,0.0,1.0,0.0
a tie,1,0.1,0.1,0.2,0.6
a tie,2,0.1,0.1,0.6,0.2
"""


def main() -> None:
    if len(sys.argv) > 1:
        table = Path(sys.argv[1])
    else:
        table = Path(mkdtemp(prefix="xsift-")) / "by_hand.csv"
        table.write_text(BY_HAND, encoding="utf-8")
    catalogue = xsift.vote_table(table)
    counts = catalogue.record["counts"]
    print(f"{counts['voting']:,} detections of {counts['sources']:,} sources:", end=" ")
    print(f"{counts['unique']:,} unique, {counts['ambiguous']:,} ambiguous\n")
    print(f"{'source':24} {'n':>3}  {'soft':4} {'hard':4} status")
    shown = catalogue.sources.sort_by([("n_detections", "descending"), ("name", "ascending")])
    for row in shown.slice(0, 5).to_pylist():
        print(
            f"{row['name']:24} {row['n_detections']:3}  {row['class_soft']:4} "
            f"{row['class_hard']:4} {row['status']}"
        )


if __name__ == "__main__":
    main()
