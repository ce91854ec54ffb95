"""The marks by which code is judged."""

from __future__ import annotations

import pytest

from lint.marks import marks_of


@pytest.mark.parametrize(
    ("source", "mark"),
    [
        ("import a.b.c", "import a.b.c"),
        ("import a.b as c", "import a.b"),
        ("from a.b import c as d", "import a.b.c"),
        ("def f():\n    from a import b", "import a.b"),
        ("f().x", "attribute x"),
        ("import sys\nsys.modules.update({})", "use sys.modules.update"),
        ("import sys as s\ns.gone()", "use sys.gone"),
        ("import a.b\na.b.c()", "use a.b.c"),
        ("from a import b\nb.c()", "use a.b.c"),
        ("import sys\nsys.modules['x'] = None", "set sys.modules"),
        ("from sys import modules\ndel modules['x']", "set sys.modules"),
        ("f.__signature__ = 1", "set __signature__"),
        ("f.x += 1", "set x"),
        ("f.x: int = 1", "set x"),
        ("import a\na.x = 1", "set a.x"),
        ("setattr(f, '__signature__', 1)", "set __signature__"),
        ("import_module('a._b')", "text a._b"),
        ("environ['NAME'] = '1'", "text NAME"),
    ],
)
def test_what_code_does_is_marked(source: str, mark: str) -> None:
    """Under whatever name something was imported, and however it is changed."""
    assert mark in [found.text for found in marks_of(source)]


@pytest.mark.parametrize(
    "source",
    [
        "# import a",
        "'''Says import a and NAME.'''",
        "from . import a",
        "a = gc = 1\ngc.freeze",
        "modules[0] = None",
        "print(sys.modules)",
    ],
)
def test_what_only_looks_alike_is_not_marked(source: str) -> None:
    """Comments, sentences, the package's own modules and names that no import bound."""
    texts = [found.text for found in marks_of(source)]
    assert not [text for text in texts if text.startswith(("import", "use", "set", "text"))]


def test_a_mark_stands_on_its_line() -> None:
    """The line of what does it, not of the statement around it."""
    lines = {mark.text: mark.line for mark in marks_of("f(\n  1,\n  g.x,\n)")}
    assert lines == {"attribute x": 3}
