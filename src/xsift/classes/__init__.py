"""The vocabulary of types, and the classes of a model."""

from xsift.classes.sets import (
    PAPER_CLASSES,
    Class,
    Classes,
    column_for,
    is_certain_other,
    named_classes,
    read_classes,
)
from xsift.classes.text_file import read_text_file
from xsift.classes.vocabulary import (
    AMBIGUOUS,
    BANDS,
    DASHES,
    MISSING_WORDS,
    UNKNOWN,
    candidate_of,
    code_of,
    in_vocabulary,
)

__all__ = [
    "AMBIGUOUS",
    "BANDS",
    "DASHES",
    "MISSING_WORDS",
    "PAPER_CLASSES",
    "UNKNOWN",
    "Class",
    "Classes",
    "candidate_of",
    "code_of",
    "column_for",
    "in_vocabulary",
    "is_certain_other",
    "named_classes",
    "read_classes",
    "read_text_file",
]
