"""What is written for a checked tree."""

from __future__ import annotations

import io
import re
import token
import tokenize

from decision_service.rules.language.evaluation import Emitter
from tests.unit.language.texts import sound


def test_nothing_that_an_author_wrote_is_printed_into_the_source():
    """The source holds fixed words, numbered names and slot numbers; no text, no literal."""
    hostile = (
        "d.label == 'GIG' or c.pay < 1234.56 or a.int * 77 == 3 or d.label in ('GIG', 'EMPLOYED')"
        " or (g.int if e.flag else 55) > 44 or not known(b.num) or round(b.num, 0.5) != 8"
    )
    emitter = Emitter()
    emitter.conditions([sound(hostile)])
    tokens = list(tokenize.generate_tokens(io.StringIO("\n".join(emitter.functions)).readline))
    names = {t.string for t in tokens if t.type == token.NAME}
    assert not [t for t in tokens if t.type == token.STRING]
    assert not [n for n in names if not re.fullmatch(r"[vctf]\d+|[A-Za-z_]+", n)]
    assert not names & {"GIG", "EMPLOYED", "a", "d", "label", "round"}
    assert {t.string for t in tokens if t.type == token.NUMBER} <= set("0123456")
    assert 123456 in emitter.bound.values()
