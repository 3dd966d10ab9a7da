"""An astropy Table in, a catalogue out, a pandas DataFrame on.

    python examples/table_in_memory.py

It writes no files.
"""

import xsift
from xsift.simulate import simulate
from xsift.write.libraries import astropy_table

table = astropy_table(simulate(300, seed=4).detections)
table.rename_column("hard_hs", "HS")
catalogue = xsift.classify(table, "csc20", columns={"hard_hs": "HS"}, keep=["theta"])
frame = catalogue.to_pandas("detections")
print(f"{len(frame)} rows, as {len(table)} went in")
print("units are kept:", catalogue.to_astropy("detections")["bb_kt"].unit)
print(frame.groupby("group").size().idxmax(), "is the most frequent group")
