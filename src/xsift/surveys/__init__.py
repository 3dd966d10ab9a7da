"""What a survey measures: profiles, one TOML file per catalogue release, and their columns."""

from xsift.surveys.profile import Feature, Survey, SurveyColumn, load, names, survey_of

__all__ = ["Feature", "Survey", "SurveyColumn", "load", "names", "survey_of"]
