"""Settings: what is refused, and what an earlier name of a feature set becomes."""

from dataclasses import replace

import pytest

from xsift.errors import XsiftWarning
from xsift.settings import Settings


@pytest.mark.parametrize(("earlier", "now"), [("csc12", "all"), ("csc11", "without-newq")])
def test_an_earlier_feature_set_serves_and_is_said(earlier, now):
    with pytest.warns(XsiftWarning, match=f"^features {earlier} is called {now} now"):
        settings = Settings(features=earlier)
    assert settings.as_dict()["features"] == now
    assert replace(settings, seed=1).features == now  # once said, not again
