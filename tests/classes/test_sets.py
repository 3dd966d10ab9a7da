"""Sets of classes: those that come with xsift, classes apart, further types, sets that extend."""

import numpy as np
import pytest
from pydantic import ValidationError

from xsift.classes import PAPER_CLASSES, Class, Classes, named_classes, read_classes
from xsift.errors import LabelError

WIDE = named_classes("wide")


@pytest.fixture
def read(tmp_path):
    def from_text(text):
        (tmp_path / "c.toml").write_text(text)
        return read_classes(tmp_path / "c.toml")

    return from_text


def one(code, more="", group="A"):
    return f'[[class]]\ncode = "{code}"\ngroup = "{group}"\n{more}\n'


def test_wide_extends_the_papers_ten():
    assert WIDE.codes[:10] == PAPER_CLASSES.codes
    assert WIDE.codes[10:] == ("*", "**", "Ro*", "Em*", "CV*", "G", "ULX")
    assert WIDE.groups == ("AGN", "Seyfert", "XB", "YSO", "Star", "CV", "Galaxy", "ULX")
    assert [c.apart for c in WIDE.classes] == [False] * 10 + [True] * 7
    assert WIDE.n_plain == 10
    assert WIDE.plain.codes == PAPER_CLASSES.codes
    assert WIDE.plain.groups == PAPER_CLASSES.groups
    assert WIDE.group_index == (0, 0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 6, 7)


def test_without_classes_apart_all_are_plain():
    assert PAPER_CLASSES.n_plain == len(PAPER_CLASSES)
    assert PAPER_CLASSES.plain is PAPER_CLASSES


def test_further_types_count_as_their_class():
    index = WIDE.index_of_type
    for type_, code in (("RS*", "Ro*"), ("Be*", "Em*"), ("ClG", "G"), ("No*", "CV*"), ("*", "*")):
        assert WIDE.codes[index[type_]] == code
    assert {index[code] for code in WIDE.codes} == set(range(17))
    assert not set(WIDE.ambiguous) & set(index)


def test_a_file_with_classes_apart_and_types_in_any_spelling(read):
    text = one("AGN") + one(
        "Star", 'column = "p_star"\napart = true\ntypes = ["RSCVn", "Pulsar"]', "Star"
    )
    classes = read(text)
    assert classes.codes == ("AGN", "*")
    assert classes.classes[1].types == ("RS*", "Psr")
    assert (classes.n_plain, classes.plain.codes) == (1, ("AGN",))


@pytest.mark.parametrize("name", ["paper", "wide"])
def test_a_file_extends_a_set_that_comes_with_xsift(read, name):
    """All of that set, what it extends itself among it, and then its own."""
    classes = read(f'extends = "{name}"\n' + one("Psr", "apart = true", "Pulsar"))
    shipped = named_classes(name)
    assert classes.classes[:-1] == shipped.classes
    assert classes.codes[-1] == "Psr"
    assert classes.n_plain == 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (one("A", 'column = "p_x"') + one("B", 'column = "p_x"'), "two classes share a column$"),
        (one("A") + one("A"), "two classes share a code$"),
        (
            one("A", 'types = ["SN"]') + one("B", 'types = ["SN"]'),
            r"type SN\* counts as two classes$",
        ),
        (one("CV*") + one("B", 'types = ["CataclyV*"]'), r"type CV\* counts as two classes$"),
        (
            one("A", "apart = true"),
            "classes that are apart follow the others, of which there is one$",
        ),
        (
            one("A") + one("B", "apart = true", "B") + one("C", group="C"),
            "classes that are apart follow the others, of which there is one$",
        ),
        (one("A") + one("B", "apart = true"), "group A holds classes that are apart and others$"),
        (one("A", 'column = "p_none"'), "p_none is the column of 'none of these'$"),
        (
            one("A", 'column = "P"'),
            "class 'A', column: .*pattern.*: give one, such as column = \"p_",
        ),
        (one("A", 'apart = "perhaps"'), "class 'A', apart: Input should be a valid boolean"),
        (one("A", "unheard = 1"), "class 'A', unheard: Extra inputs are not permitted$"),
        (one("A", 'types = "SN"'), "types = 'SN': a list of labels is wanted$"),
        (one("A", "types = 5"), r"every class is a \[\[class\]\] table with code and group$"),
        (one("A", "types = [5]"), r"every class is a \[\[class\]\] table with code and group$"),
        ('ambiguous = "X"\n' + one("A"), "ambiguous = 'X': a list of labels is wanted$"),
        ('extends = "narrow"\n' + one("A"), "extends = 'narrow': no set of classes of that name c"),
        ('extends = "../paper"\n' + one("A"), "extends = '../paper': no set of classes of that n"),
        ('extends = ["paper"]\n' + one("A"), r"extends = \['paper'\]: no set of classes of that n"),
        ('extends = "paper"\n' + one("QSO"), "two classes share a code$"),
        ('extends = "paper"\n', r"every class is a \[\[class\]\] table with code and group$"),
        ('class = "A"\n', r"every class is a \[\[class\]\] table with code and group$"),
        ("class = []\n", "Tuple should have at least 1 item"),
        ("a = " + "[" * 5000, "not a readable list of classes: "),
    ],
)
def test_bad_sets(read, text, said):
    with pytest.raises(LabelError, match=r"c\.toml: not a |c\.toml: [a-z]+ = ") as caught:
        read(text)
    assert caught.match(said)
    assert "\n" not in str(caught.value)


def test_more_types_than_there_are():
    with pytest.raises(ValidationError, match="at most 500 items"):
        Class(code="A", column="p_a", group="A", types=tuple(map(str, np.arange(501))))
    with pytest.raises(ValidationError, match="at least 1 item"):
        Classes(classes=())


def test_a_set_that_there_is_not(tmp_path):
    with pytest.raises(LabelError, match="narrow: not a readable list of classes: "):
        named_classes("narrow", tmp_path)
