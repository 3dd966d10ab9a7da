"""Tables compared by the bits of their numbers."""

import numpy as np
import pyarrow as pa


def bits(table):
    """The columns of a table with floats as their bits."""
    found = {}
    for field in table.schema:
        column = table[field.name].combine_chunks()
        if pa.types.is_floating(field.type):
            there = column.is_valid()
            column = pa.array(column.fill_null(0).to_numpy(zero_copy_only=False).view(np.int64))
            found[f"{field.name} is there"] = there
        found[field.name] = column
    return pa.table(found)
