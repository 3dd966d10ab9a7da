"""The vocabulary of types: old and new spellings, and classes of one's own."""

from importlib import resources

import pytest

from xsift.classes import (
    AMBIGUOUS,
    PAPER_CLASSES,
    code_of,
    column_for,
    is_certain_other,
    read_classes,
)
from xsift.errors import LabelError


@pytest.mark.parametrize(
    ("spellings", "code"),
    [
        (("Sy1", "Seyfert_1", "Seyfert1", " seyfert_1 "), "Sy1"),
        (("Sy2", "Seyfert_2", "Seyfert2"), "Sy2"),
        (("HXB", "HMXB", "HighMassXBin"), "HXB"),
        (("LXB", "LMXB", "LowMassXBin"), "LXB"),
        (("XB*", "XB", "XrayBin"), "XB*"),
        (("Y*O", "YSO"), "Y*O"),
        (("TT*", "TTau*", "TTauri*"), "TT*"),
        (("Or*", "Orion_V*", "OrionV*"), "Or*"),
        (("QSO",), "QSO"),
        (("AGN",), "AGN"),
        (("X",), "X"),
        (("*", "Star"), "*"),
        (("blu", "Blue", "blue"), "blu"),
        (("gam", "gamma"), "gam"),
        (("PoG", "PartofG"), "PoG"),
        (("Y*?", "Candidate_YSO", "YSO_Candidate"), "Y*?"),
        (("XB?", "Candidate_XB*", "XrayBin_Candidate"), "XB?"),
        (("AG?", "AGN_Candidate"), "AG?"),
        (("UX?", "ULX?", "ULX_Candidate"), "UX?"),
        (("", "NaN", "nan", "None", "--", "  ", "N/A", "na", "<NA>", "-", "..."), None),
        (("Nova", "No*"), "No*"),
        (("NIR", "NearIR", "IR<10um"), "NIR"),
        (("FIR", "FarIR", "IR>30um"), "FIR"),
        (("cm", "cmRad", "Radio(cm)"), "cm"),
        (("LeQ", "LensedQ"), "LeQ"),
        (("Mas", "Maser"), "Mas"),
        (("?", "Unknown", "unclassified", "Unidentified"), "?"),
        (("LP?", "Candidate_LPV*", "LongPeriodV*_Candidate", "LPV*?"), "LP?"),
        (("G?", "Possible_G", "Galaxy_Candidate"), "G?"),
        (("Kilonova",), "Kilonova"),
        (("Quasar", "quasar", "QSO"), "QSO"),
        (("Seyfert 1", "seyfert_1"), "Sy1"),
        (("X-ray binary", "XB"), "XB*"),
        (("young stellar object", "YSO"), "Y*O"),
    ],
)
def test_spellings(spellings, code):
    assert {code_of(s) for s in spellings} == {code}


def test_no_spelling_means_two_types():
    text = resources.files("xsift.classes").joinpath("simbad_types.txt").read_text("utf-8")
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    codes = [part for row in rows for part in row[0].split(":")]
    assert len({c.casefold() for c in codes}) == len(codes)
    for row in rows:
        code = row[0].partition(":")[0]
        assert {code_of(s) for s in (code, *row[1:])} == {code}, row


def test_codes_and_labels_of_a_type_train_alike():
    for band in ("NIR", "NearIR", "IR<10um", "Mas", "Maser", "cmRad", "Unknown", "unclassified"):
        assert not is_certain_other(code_of(band), PAPER_CLASSES), band
    for type_ in ("Nova", "CataclyV*", "Psr", "SN", "HighPM*"):
        assert is_certain_other(code_of(type_), PAPER_CLASSES), type_


def test_the_papers_classes():
    assert PAPER_CLASSES.codes == (
        *("QSO", "AGN", "Sy1", "Sy2", "HXB", "LXB", "XB*", "Y*O", "TT*", "Or*"),
    )
    assert PAPER_CLASSES.groups == ("AGN", "Seyfert", "XB", "YSO")
    assert PAPER_CLASSES.columns[6:] == ("p_xb", "p_yso", "p_ttau", "p_orion_v")
    assert len(AMBIGUOUS) == 9
    assert not AMBIGUOUS & set(PAPER_CLASSES.codes)


def test_candidates_are_not_their_class():
    assert code_of("Candidate_HMXB") == "HX?" != "HXB"


def test_own_classes(tmp_path):
    path = tmp_path / "classes.toml"
    path.write_text(
        '[[class]]\ncode = "CataclyV*"\ngroup = "Star"\n[[class]]\ncode = "Seyfert1"\ngroup = "A"\n'
    )
    classes = read_classes(path)
    assert classes.codes == ("CV*", "Sy1")
    assert classes.columns == ("p_cv", "p_seyfert_1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"every class is a \[\[class\]\] table"),
        ("[[class]", "not a readable list"),
        ('[[class]]\ncode = "A"', "Field required"),
        ('[[class]]\ncode="A"\ngroup="x"\n[[class]]\ncode="A"\ngroup="x"', "share a code"),
        ('[[class]]\ncode="A"\ngroup="x"\ncolumn="p; drop"', "should match pattern"),
        ('[[class]]\ncode="none"\ngroup="x"', "."),
        ('[[class]]\ncode="none!"\ngroup="x"', "p_none is the column"),
    ],
)
def test_bad_lists_of_classes(tmp_path, text, message):
    path = tmp_path / "classes.toml"
    path.write_text(text)
    with pytest.raises(LabelError, match=message):
        read_classes(path)


def test_column_names_are_safe():
    assert column_for("Nova (dwarf)*") == "p_nova_dwarf"
