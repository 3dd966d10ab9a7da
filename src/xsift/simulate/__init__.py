"""A simulated survey with known types, for the demonstration and the tests."""

from xsift.simulate.populations import (
    Population,
    Populations,
    load_populations,
)
from xsift.simulate.survey import Simulation, simulate

__all__ = ["Population", "Populations", "Simulation", "load_populations", "simulate"]
