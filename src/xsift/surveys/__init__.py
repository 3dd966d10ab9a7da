"""What a survey measures: profiles, one TOML file per catalogue release, and their columns."""

from xsift.surveys.columns import unit_text
from xsift.surveys.formulas import FORMULAS
from xsift.surveys.loading import is_shipped, load, names, survey_of
from xsift.surveys.measured import CountsWay, SurveyColumn
from xsift.surveys.profile import Feature, Survey, identifier

__all__ = [
    "FORMULAS",
    "CountsWay",
    "Feature",
    "Survey",
    "SurveyColumn",
    "identifier",
    "is_shipped",
    "load",
    "names",
    "survey_of",
    "unit_text",
]
