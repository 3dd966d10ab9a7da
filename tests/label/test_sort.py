"""Labels sorted into classes, ambiguous types and others."""

import pytest

from xsift.classes import PAPER_CLASSES, Class, Classes, named_classes
from xsift.label import sort_labels, with_types


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


WIDE = named_classes("wide")


@pytest.mark.parametrize(
    ("type_", "code"),
    [
        ("*", "*"),  # no longer ambiguous: it has a class
        ("RS*", "Ro*"),
        ("**", "**"),
        ("GrG", "G"),
        ("ULX", "ULX"),
        ("Psr", None),  # certainly another
        ("SNR", None),
    ],
)
def test_a_type_beside_the_plain_classes_labels(type_, code):
    labels = with_types(sort_labels([None], WIDE), [type_], WIDE)
    assert labels.label == [type_]
    assert labels.y.tolist() == [-1 if code is None else WIDE.codes.index(code)]
    assert labels.is_other.tolist() == [code is None]
    assert labels.is_ambiguous.tolist() == [False]


@pytest.mark.parametrize(
    "type_", [None, *PAPER_CLASSES.codes, "X", "?", "BLL", "LIN", "SyG", "HX?", "ULX?", "gam"]
)
def test_other_types_label_nothing(type_):
    """A plain class is labelled by labels alone; what may be one of them is of no known kind."""
    labels = with_types(sort_labels([None], WIDE), [type_], WIDE)
    assert (labels.label, labels.y.tolist()) == ([None], [-1])
    assert not labels.is_other.any()


def test_a_label_is_not_changed_by_a_type():
    given = ["QSO", "X", "Psr", "*"]
    before = sort_labels(given, WIDE)
    after = with_types(before, ["*", "*", "CV*", "Psr"], WIDE)
    assert after.label == given
    assert after.y.tolist() == before.y.tolist()
    assert after.is_other.tolist() == before.is_other.tolist() == [False, False, True, False]
    assert after.is_ambiguous.tolist() == [False, True, False, False]


def test_sorted_labels_stay_what_they_were():
    before = sort_labels([None, None], WIDE)
    with_types(before, ["*", "Psr"], WIDE)
    assert before.label == [None, None]
    assert before.y.tolist() == [-1, -1]
    assert not before.is_other.any()


def test_of_the_papers_classes_a_type_labels_none():
    """All are plain: what is certainly another is known to be none of them."""
    labels = with_types(sort_labels([None] * 4, PAPER_CLASSES), ["CV*", "*", "QSO", "G"],
                        PAPER_CLASSES)  # fmt: skip
    assert labels.label == ["CV*", None, None, None]
    assert labels.y.tolist() == [-1] * 4
    assert labels.is_other.tolist() == [True, False, False, False]


def test_further_types_of_a_plain_class_label_nothing_either():
    own = Classes(
        classes=(
            Class(code="AGN", column="p_agn", group="AGN", types=("BLL", "CV*")),
            Class(code="*", column="p_star", group="Star", apart=True, types=("RS*",)),
        )
    )
    labels = with_types(sort_labels([None] * 3, own), ["BLL", "CV*", "RS*"], own)
    assert labels.label == [None, None, "RS*"]
    assert labels.y.tolist() == [-1, -1, 1]
    assert not labels.is_other.any()
    assert sort_labels(["BLL", "CV*", "RS*"], own).y.tolist() == [0, 0, 1]  # but labels do
