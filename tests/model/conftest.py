"""The calibrated model of the tests, and the features of its training table."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from xsift.model import load_model
from xsift.model.file import load_model_tree


@pytest.fixture(scope="module")
def model(calibrated):
    return load_model(calibrated / "model.asdf")


@pytest.fixture(scope="module")
def X(calibrated, model):
    table = pq.read_table(calibrated / "table.parquet")
    return np.column_stack([table[name].to_numpy() for name in model.features])


@pytest.fixture(scope="session")
def thin(calibrated):
    """A calibrated model with every kind of part, and few of each: it is checked in no time."""
    tree = load_model_tree(calibrated / "model.asdf")
    plain = tree.model_dump()
    part = plain["calibrated"]
    for level in part["levels"]:
        level["bags"] = level["bags"][:2]
    for scorer in part["scorers"]:
        assert scorer["opened"] is not None
        # None of the opened groups has detections enough for trees of its own.
        scorer["opened"]["within"] = [scorer["plain"]["within"][0], *[None] * 8]
        for judge in (scorer["plain"], scorer["opened"]):
            for trees in (judge["trees"], *judge["within"]):
                if trees is not None:
                    for name in ("output", "feature", "threshold", "leaf"):
                        trees[name] = trees[name][:4]
    assert part["levels"][0]["mixture"] is not None
    return type(tree).model_validate(plain)
