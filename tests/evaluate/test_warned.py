"""What many fits warn of is said once."""

import warnings

import pytest

from xsift.errors import XsiftWarning
from xsift.evaluate.warned import said_once


def _fit(messages):
    with said_once():
        for message in messages:
            warnings.warn(message, XsiftWarning, stacklevel=1)


def said(*messages):
    with pytest.warns(XsiftWarning) as caught:
        _fit(messages)
    return [str(w.message) for w in caught]


def test_warnings_that_differ_in_numbers_are_one():
    assert said("--missing: 20% and 1,068 rows", "no label", "--missing: 23% and 62 rows") == [
        "missing: 20% and 1,068 rows (so in 2 fits, the numbers are of the first)",
        "no label",
    ]


def test_the_same_warning_is_one():
    assert said("0.5 of it", "0.5 of it", "0.5 of it") == ["0.5 of it (so in 3 fits)"]


def test_numbers_in_names_tell_warnings_apart():
    assert said("no hard_1", "no hard_2") == ["no hard_1", "no hard_2"]


def test_other_warnings_pass_through():
    with pytest.warns(UserWarning, match="^of another library$") as caught, said_once():
        warnings.warn("of another library", UserWarning, stacklevel=1)
    assert len(caught) == 1
