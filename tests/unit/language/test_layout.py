"""The canonical layout: it keeps what a file says and its comments, and rests in itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.language.diagnostics import Report
from decision_service.language.yaml.cst import LayoutError, cut
from decision_service.language.yaml.layout import WIDEST, laid_out
from decision_service.language.yaml.nodes import ListNode, MapNode
from decision_service.language.yaml.parser import read
from tests.fakes.examples import examples
from tests.unit.ruleset.rulesets import ROOT

EXAMPLE = (ROOT / "tests" / "rulesets" / "worked_example" / "v1.yaml").read_text()
FILES = [
    *sorted((ROOT / "rules").rglob("*.yaml")),
    *sorted((ROOT / "tests" / "rulesets").rglob("*.yaml")),
]


def said(text):
    """What the reader of rule files understands of a text."""
    return content(read("x.yaml", text, Report()))


def content(node):
    """A tree without its places."""
    if isinstance(node, MapNode):
        return [(entry.key, content(entry.value)) for entry in node.entries]
    if isinstance(node, ListNode):
        return [content(item) for item in node.items]
    return None if node is None else (node.text, node.plain)


def comments(text):
    """The comments of a text, sorted."""
    return sorted(comment.text for comment in cut(text).comments)


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_file_keeps_its_content_and_comments_or_is_refused(path):
    """Laying out a file twice is laying it out once, with the same tree and comments."""
    text = path.read_text()
    try:
        once = laid_out(text)
    except LayoutError:
        assert path.parent.name.startswith("broken")
        return
    assert laid_out(once) == once
    assert said(once) == said(text)
    assert comments(once) == comments(text)


def test_the_shipped_rules_are_in_canonical_layout():
    """`rules fmt` has nothing to change in the rule files that ship."""
    for path in sorted((ROOT / "rules").glob("*/v*.yaml")):
        assert laid_out(path.read_text()) == path.read_text()


REMARKS = st.sampled_from(["# x", "#", "#: y, [z]", "# a: {b"])
EDITS = st.lists(
    st.tuples(
        st.integers(0, EXAMPLE.count("\n") - 1),
        st.one_of(
            st.just("\n"),
            st.just("\n\n   \n"),
            st.tuples(st.integers(0, 14), REMARKS).map(lambda e: f"\n{' ' * e[0]}{e[1]}"),
            st.tuples(st.integers(1, 30), REMARKS).map(lambda e: f"{' ' * e[0]}{e[1]}"),
            st.integers(1, 3).map(lambda width: " " * width),
        ),
    ),
    max_size=12,
)


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(EDITS)
def test_remarks_and_blanks_anywhere_change_nothing(edits):
    """Comments, blank lines and trailing blanks at any line's end keep the law of layout."""
    lines = EXAMPLE.split("\n")
    for index, more in edits:
        lines[index] += more
    text = "\n".join(lines)
    once = laid_out(text)
    assert laid_out(once) == once
    assert said(once) == said(EXAMPLE)
    assert comments(once) == comments(text)
    assert not any(line != line.rstrip() for line in once.split("\n"))
    assert "\n\n\n" not in once


WORDS = st.sampled_from(["a", "x1", '"a, b: c"', "'it''s'", "12", "true", "a b", '"#"'])
KEYS = st.sampled_from(["a", "b", "when", '"c d"', "2026-01-01"])
FLOW = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: f"[{' , '.join(items)} ]"),
        st.dictionaries(KEYS, inner, max_size=3).map(
            lambda pairs: f"{{ {',  '.join(f'{k}:  {v}' for k, v in pairs.items())} }}"
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(FLOW, min_size=1, max_size=4))
def test_nested_flow_parts_of_any_shape_keep_their_content(parts):
    """Flow lists and maps in one another, in a list and in a map, keep the law of layout."""
    text = "".join(f"-   {part}\n" for part in parts)
    text += "-\n" + "".join(f"    k{i}:   {part}\n" for i, part in enumerate(parts))
    once = laid_out(text)
    assert (laid_out(once), said(once)) == (once, said(text))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a:   1\nb:  {x: 1,y: 2}\n", "a: 1\nb: {x: 1, y: 2}\n"),
        (
            "r:\n- {id: x, when: a < 1, then: REFER}\n",
            "r:\n  - id: x\n    when: a < 1\n    then: REFER\n",
        ),
        ("rules: [{id: x, when: a}]\n", "rules:\n  - id: x\n    when: a\n"),
        ("a: 1\ns:\n  b: 1\n", "a: 1\n\ns:\n  b: 1\n"),
        ("a: 1\n# on s\ns:\n  b: 1\n", "a: 1\n\n# on s\ns:\n  b: 1\n"),
        ("a: 1 # why\n", "a: 1  # why\n"),
        ("a: 1          # why\n", "a: 1          # why\n"),
        ("a:   # why\n    b: 1\n", "a:   # why\n  b: 1\n"),
        ("a: {x: 1, # one\n  y: 2}\n", "a:\n  x: 1    # one\n  y: 2\n"),
        ("a: [1,\n 2]\n", "a: [1, 2]\n"),
        ("a: one\n  two\n", "a: one two\n"),
        ("a: 'one\n  two'\n", "a: 'one two'\n"),
        ("a: >-\n      one\n      two\nb: 1\n", "a: >-\n  one\n  two\nb: 1\n"),
        ("a:\n    - b:  1\n      # last\n\n\n\nc: 2\n", "a:\n  - b: 1\n    # last\n\nc: 2\n"),
        ("---\na: 1\n...\n", "a: 1\n"),
        ("\ufeffa: 1\r\nb: 2\r\n", "a: 1\nb: 2\n"),
        ("a: {}\nb: []\n", "a: {}\nb: []\n"),
        ("- - a\n  - b\n", "- - a\n  - b\n"),
        ("# only\n", "# only\n"),
        ("", ""),
    ],
)
def test_layout_by_example(text, wanted):
    """Each rule of the layout, by an example."""
    assert laid_out(text) == wanted


def test_a_flow_map_that_is_too_wide_becomes_a_block_and_a_row_stays():
    """Over the width a map takes a line for each key, while a row of cells stays one."""
    long = "x" * (WIDEST - 10)
    assert laid_out(f"m: {{a: 1, b: {long}}}\n") == f"m:\n  a: 1\n  b: {long}\n"
    row = f"rows:\n  - [{long}, {long}]\n"
    assert laid_out(row) == row


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1\n", 2),
        ("b: 1\na: |2\n    x\n", 2),
        ("b: 1\na: one\n\n  two\n", 2),
        ("b: 1\na: 'one\n\n  two'\n", 2),
        ("a: 1\nb: x\u2028y\n", 2),
    ],
)
def test_what_cannot_be_laid_out_is_refused_with_its_line(text, line):
    """Broken YAML and texts whose layout is part of them are left alone, with a sentence."""
    with pytest.raises(LayoutError) as refused:
        laid_out(text)
    assert refused.value.line == line
