"""Archives to tables: TAP services and cross-matches, over a network that fails at times."""

from xsift.fetch.asking import AT_A_TIME, askers
from xsift.fetch.cache import Cache, default_folder
from xsift.fetch.client import Client, Limits
from xsift.fetch.detections import (
    Fetched,
    Selection,
    fetch_detections,
    in_cone,
    near,
    those_of,
    whole,
)
from xsift.fetch.query import adql, parse_cone
from xsift.fetch.tap import Tap, mode

__all__ = [
    "AT_A_TIME",
    "Cache",
    "Client",
    "Fetched",
    "Limits",
    "Selection",
    "Tap",
    "adql",
    "askers",
    "default_folder",
    "fetch_detections",
    "in_cone",
    "mode",
    "near",
    "parse_cone",
    "those_of",
    "whole",
]
