"""A classified catalogue against another one: here, against the truth it was simulated from.

    python examples/compare_catalogues.py

Simulates a survey, trains on its known objects, classifies the rest, and compares the sources with
the true types, as one would with a published catalogue. Types outside
the four groups of the mapping (pulsars, stars, ...) become none. All files go into a new temporary
folder.
"""

from pathlib import Path
from tempfile import mkdtemp

import pyarrow as pa

import xsift
from xsift.compare.comparison import compare
from xsift.simulate import simulate
from xsift.write import write_table

MAPPING = """\
title = "simulated truth"
rest = "none"

[classes]
QSO = "AGN"
AGN = "AGN"
Seyfert_1 = "Seyfert"
Seyfert_2 = "Seyfert"
HMXB = "XB"
LMXB = "XB"
XB = "XB"
YSO = "YSO"
"TTau*" = "YSO"
"Orion_V*" = "YSO"
"""


def main() -> None:
    folder = Path(mkdtemp(prefix="xsift-"))
    simulation = simulate(1500, seed=1)
    write_table(simulation.detections, folder / "detections.parquet", "parquet", {})
    write_table(simulation.known, folder / "known.csv", "csv", {})
    catalogue = xsift.run(folder / "detections.parquet", folder / "known.csv")
    catalogue.write(folder / "catalogue")

    # The other catalogue: one row per source, with its name and its type.
    names = simulation.detections["name"].to_pylist()
    types = dict(zip(names, simulation.truth.tolist(), strict=True))
    truth = pa.table({"name": list(types), "type": list(types.values())})
    write_table(truth, folder / "truth.csv", "csv", {})
    mapping = folder / "mapping.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    found = compare(folder / "catalogue", folder / "truth.csv", mapping, "type", match="name")
    found.write(folder / "comparison")

    for scope, title in (("all", "all"), ("comparable", "those of a class that it can name")):
        figures = found.record[scope]
        kappa = figures["kappa"]
        print(
            f"{figures['n']:,} sources, {title}: accuracy {figures['accuracy']['value']:.2f}, "
            f"kappa {kappa['value']:.2f} ({kappa['low']:.2f} to {kappa['high']:.2f})"
        )
        for group, recall in figures["recall"].items():
            print(f"  {group:12} recall {recall['value']:.2f} of {recall['n']:,}")
    print("surest and wrong:")
    for row in found.disagreements.slice(0, 3).to_pylist():
        print(
            f"  {row['name']}  {row['group']} {row['p_group']:.3f}, in truth {row['other_class']}"
        )
    print(f"Files: {folder}")


if __name__ == "__main__":
    main()
