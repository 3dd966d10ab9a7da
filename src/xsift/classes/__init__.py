"""What an object can be: the vocabulary of types, and the classes of a model."""

from xsift.classes.vocabulary import (
    AMBIGUOUS,
    BANDS,
    DASHES,
    MISSING_WORDS,
    PAPER_CLASSES,
    UNKNOWN,
    Class,
    Classes,
    candidate_of,
    code_of,
    column_for,
    in_vocabulary,
    read_classes,
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
    "read_classes",
]
