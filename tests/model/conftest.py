"""The calibrated model of the tests, and the features of its training table."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from xsift.model import load_model


@pytest.fixture(scope="module")
def model(calibrated):
    return load_model(calibrated / "model.asdf")


@pytest.fixture(scope="module")
def X(calibrated, model):
    table = pq.read_table(calibrated / "table.parquet")
    return np.column_stack([table[name].to_numpy() for name in model.features])
