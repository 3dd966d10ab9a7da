"""Labels sorted into classes, ambiguous types and others."""

from xsift.classes import PAPER_CLASSES
from xsift.label import sort_labels


def test_sorting():
    labels = sort_labels(["QSO", "*", None, "CV*", "Or*", "XB?"], PAPER_CLASSES)
    assert labels.y.tolist() == [0, -1, -1, -1, 9, -1]
    assert labels.is_ambiguous.tolist() == [False, True, False, False, False, False]
    assert labels.is_other.tolist() == [False, False, False, True, False, True]
    assert labels.counts(labels.is_other) == {"CV*": 1, "XB?": 1}


def test_a_class_of_the_model_is_never_ambiguous():
    own = PAPER_CLASSES.model_copy(
        update={"classes": (PAPER_CLASSES.classes[0].model_copy(update={"code": "*"}),)}
    )
    assert sort_labels(["*", "X"], own).y.tolist() == [0, -1]
