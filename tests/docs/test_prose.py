"""The pages are written plainly: short sentences, no inversions, a first line and a next step."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
LONGEST = 25  # words

NO_PROSE = re.compile(
    r"^```.*?^```$"  # blocks of code
    r"|<!-- begin .*?<!-- end .*?-->"  # what a tool writes
    r"|<!--.*?-->"
    r"|^\$\$.*?\$\$$"  # formulas
    r"|^\|.*?$"  # tables
    r"|^(?: {4}|\t).*?$"  # blocks by indentation
    r"|^!\[.*?\]\(.*?\)$",
    re.DOTALL | re.MULTILINE,
)
# Sentences that sound translated. Say who does what, in that order.
STILTED = [
    re.compile(said)
    for said in (
        r"\b(?:has|have) not (?:an?|any|the|what|enough|all)\b",
        r"\b(?:is|are) (?:worth nothing|not at hand)\b",
        r"\bnothing is said\b",
        r"\bIn (?:its|their) column stands?\b",
        r"\bOf (?:a|an|the|these|those|which) [^.,]{1,60}, (?:expect|the first|each|take)\b",
        r"\bwhat there is to\b",
        r"\bas (?:will|far as) [a-z]+ ones\b",
        r"\b[Ww]ho(?:ever)? (?:then|still|may|mends|has|can)\b",
        r"\bWhere (?:it|this|that|they) (?:is|are) not\b",
        r"\b[Ff]or want of\b",
        r"\bthat (?:it|he) has not what\b",
        r"\bas (?:one|it) (?:will|would)\b",
        r"\bis to be (?:had|made|said|seen)\b",
        r"\bcosts? (?:it|them) nothing\b",
        r"\bgoes? on where it was\b",
        r"\bstands? (?:in|beside|apart|there|under|for itself)\b",
        r"\b(?:so|this) far as (?:they|it|the)\b",
    )
]


def paragraphs(text: str) -> list[str]:
    """The running text of a page: paragraphs and items of lists, without code and tables."""
    text = re.sub(r"^# .*\n", "", NO_PROSE.sub("", text), count=1)
    found: list[str] = []
    for part in re.split(r"\n\s*\n|\n(?=\s*(?:[*-]|\d+\.) )", text):
        line = " ".join(part.split())
        if line and not line.startswith("#"):
            found.append(re.sub(r"^(?:[*-]|\d+\.) ", "", line))
    return found


def sentences(text: str) -> list[str]:
    """Sentences, with a name in backticks, a formula and a link each as the words that show."""
    found: list[str] = []
    for line in paragraphs(text):
        line = re.sub(r"`[^`]*`|\$[^$]*\$", "it", line)
        line = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", line).replace("*", "")
        line = re.sub(
            r"\b(?:et al|e\.g|i\.e|cf|vs|[A-Z])\. ", lambda m: m[0].replace(".", ""), line
        )
        found += [s for s in re.split(r"(?<=[.!?:;])[)\"]?\s+", line) if s]
    return found


def n_words(sentence: str) -> int:
    return len(re.findall(r"\S*\w\S*", sentence))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_no_sentence_is_longer_than_25_words(page):
    long = [s for s in sentences(page.read_text("utf-8")) if n_words(s) > LONGEST]
    assert not long, f"{len(long)}: " + "\n".join(f"{n_words(s)} words: {s}" for s in long)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_no_sentence_is_stilted(page):
    said = [s for s in sentences(page.read_text("utf-8")) if any(p.search(s) for p in STILTED)]
    assert not said, "\n".join(said)


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda p: p.name)
def test_a_page_begins_with_what_the_reader_gets_and_ends_with_the_next_step(page):
    text = page.read_text("utf-8")
    first = re.match(r"# [^\n]+\n\n(?P<lead>\S[^\n]*)", text)
    assert first, "a title, then what the reader gets"
    assert re.match(r"[A-Z`*]|xsift ", first["lead"]), (
        f"begin with a sentence, not with {first['lead']}"
    )
    last = text.rstrip().rsplit("\n\n", 1)[1]
    assert re.match(r"Next: .*\[[^\]]+\]\([\w/-]+\.(?:md|rst)", last, re.DOTALL), (
        f"{page.name}: the last paragraph is `Next: [Title](page.md)`"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_no_line_begins_with_a_percent_sign(page):
    """The site would take it for a comment, and lose it."""
    lines = page.read_text("utf-8").splitlines()
    assert not [line for line in lines if line.lstrip().startswith("%")]


def test_long_and_stilted_sentences_would_be_seen():
    text = (
        "# T\n\n"
        + "word " * 26
        + ". Short.\n\n```sh\n"
        + "w " * 40
        + "\n```\n\n* It has not what it needs.\n"
    )
    said = sentences(text)
    assert [n_words(s) for s in said] == [26, 1, 6]
    assert any(p.search(said[-1]) for p in STILTED)
    assert sentences("# T\n\nSee `a b c` and [the page](x.md). $x + y$ is z.") == [
        "See it and the page.",
        "it is z.",
    ]
