"""Turns the plans of the corpus, as they were recorded, into plans of today."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

_REVIEW = re.compile(r"^review:\n((?:[ #\n].*\n?|\n)*)", re.MULTILINE)


def of_today(rules: Mapping[str, str]) -> dict[str, str]:
    """The files of a folder, with what plans said of reviews in a `desk.yaml` beside each."""
    found = dict(rules)
    for path, text in rules.items():
        if path.endswith("/rollout.yaml") and (written := _REVIEW.search(text)):
            found[path] = text[: written.start()] + text[written.end() :]
            found[path.replace("rollout.yaml", "desk.yaml")] = textwrap.dedent(written[1])
    return found
