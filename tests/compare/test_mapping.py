"""Mappings of another catalogue's classes: checked when they load, and complete or refused."""

import pytest

from xsift.classes import PAPER_CLASSES, named_classes
from xsift.compare import load_mapping, mapping_names, translate
from xsift.errors import LabelError, SettingError

OURS = PAPER_CLASSES
WIDE = named_classes("wide")


@pytest.fixture
def mapping(tmp_path):
    def write(text):
        path = tmp_path / "m.toml"
        path.write_text(text, "utf-8")
        return path

    return write


def refused(path):
    with pytest.raises(LabelError) as error:
        load_mapping(path)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", mapping_names())
def test_those_that_come_with_xsift(name):
    found = load_mapping(name)
    assert found.reference
    assert found.note
    translate([], found, OURS, name)  # every group is one of the paper's
    assert found.groups(OURS.groups) == ("AGN+Seyfert", "XB", "YSO")


def test_the_untested_ones_say_so():
    untested = {name for name in mapping_names() if not load_mapping(name).is_tested}
    assert untested == {"tranin2022", "toba2022"}
    assert all("Not tested" in load_mapping(name).note for name in untested)


def test_translate():
    found = translate(["HXB", "CV*", None, "AGN"], load_mapping("muwclass"), OURS, "muwclass")
    assert found.group == ["XB", "none", None, "AGN+Seyfert"]
    assert found.spelled["HXB"] == "HMXB"


def test_simbad_ignores_what_says_nothing_and_knows_that_a_pulsar_is_no_class():
    labels = ["X", "*", "Q?", "G", "Psr", "Sy1", "LXB", "WhateverComes"]
    found = translate(labels, load_mapping("simbad"), OURS, "simbad").group
    assert found == [None, None, None, None, "none", "AGN+Seyfert", "XB", "none"]


def test_the_first_group_holds_that_the_catalogue_has():
    labels, rules = ["LM-STAR", "CV*", "N*"], load_mapping("muwclass")
    assert translate(labels, rules, WIDE, "muwclass").group == ["Star", "CV", "none"]
    assert translate(labels, rules, OURS, "muwclass").group == ["none", "none", "none"]


def test_simbad_types_are_of_the_groups_that_the_catalogue_counts_them_to():
    labels = ["PM*", "BY*", "DN*", "ULX", "G", "*", "Psr", "QSO"]
    found = translate(labels, load_mapping("simbad"), WIDE, "simbad").group
    assert found == ["Star", "Star", "CV", "ULX", None, None, "none", "AGN+Seyfert"]


def test_classes_that_are_not_named_are_listed_with_their_numbers():
    labels = ["HXB", "Blob", "Blob", "Thing"]
    with pytest.raises(LabelError, match=r"'Blob' \(2\), 'Thing' \(1\): add each to \[classes\]"):
        translate(labels, load_mapping("muwclass"), OURS, "muwclass")
    many = [f"c{i}" for i in range(20)]
    with pytest.raises(LabelError, match="and 8 more: add"):
        translate(many, load_mapping("muwclass"), OURS, "muwclass")


def test_rest_and_merge(mapping):
    path = mapping('title = "t"\nrest = "ignore"\n[merge]\n[classes]\na = "AGN"\nb = "Seyfert"\n')
    found = load_mapping(path)
    assert found.groups(OURS.groups) == OURS.groups
    assert translate(["a", "b", "c"], found, OURS, "m").group == ["AGN", "Seyfert", None]


def test_a_group_that_ours_has_not(mapping):
    found = load_mapping(mapping('title = "t"\n[classes]\na = "Star"\n'))
    with pytest.raises(
        LabelError, match=r"class 'a' is 'Star', but the groups .* are AGN, Seyfert"
    ):
        translate(["a"], found, OURS, "m.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "not a readable mapping"),
        ('title = "t"\n', "classes: Field required"),
        ('title = "t"\n[classes]\n', "at least 1 item"),
        ('title = "t"\n[classes]\na = 1\n', "classes.a.str: Input should be a valid string"),
        ('title = "t"\n[classes]\na = []\n', "classes.a"),
        ('title = "t"\nclass_column = "x"\n[classes]\na = "XB"\n', "class_column: Extra inputs"),
        ('title = "t"\nrest = "XB"\n[classes]\na = "XB"\n', "rest: Input should be"),
        ('title = "t"\n[classes]\nHMXB = "XB"\nHXB = "YSO"\n', "'HXB' is another spelling"),
        ('title = "t"\n[classes]\nnan = "XB"\n', "'nan': this means no label"),
        (
            'title = "t"\n[merge]\nx = ["AGN"]\ny = ["AGN"]\n[classes]\na = "XB"\n',
            "merged into two",
        ),
        ('title = "t"\n[merge]\nnone = ["AGN"]\n[classes]\na = "XB"\n', "'none' is no group"),
    ],
)
def test_files_that_break_the_rules(mapping, text, said):
    path = mapping(text)
    found = refused(path)
    assert said in found
    assert str(path) in found


def test_no_such_mapping():
    with pytest.raises(SettingError, match="no such file; those that come with xsift: kumaran2023"):
        load_mapping("muwklass")


def test_a_file_that_is_no_text(tmp_path):
    path = tmp_path / "m.toml"
    path.write_bytes(b"\xff\xfe\x00")
    assert "not a readable mapping" in refused(path)
    assert "not a readable mapping" in refused(tmp_path)
