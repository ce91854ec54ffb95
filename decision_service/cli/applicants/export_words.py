"""The words and the style of an exported page."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

TITLE = "What is stored about you"


class ChapterText(msgspec.Struct, frozen=True):
    """A chapter of the page: its title, and a sentence on what it holds."""

    title: str
    words: str


CHAPTERS: Mapping[str, ChapterText] = {
    "about": ChapterText(
        "About this copy", "What it holds, how long it is kept, what is left out."
    ),
    "user": ChapterText("You as an applicant", "What is kept beside decisions."),
    "decisions": ChapterText(
        "Decisions",
        "Each with its reasons, what you asked for, and the values that it rests on. Newest first.",
    ),
    "readings": ChapterText("Data that was read", "From the accounts that you connected."),
}
"""In the order of an export."""

CHAPTER_OF = {"about": "about", "decision": "decisions", "reading": "readings"}
"""The chapter of a kind of records; `user` for all others."""

KINDS = {
    "reference": "References of the lender",
    "last_reading": "When your data was last read",
    "pending_event": "Messages of the vendor that wait",
    "known_count": "How many records were seen",
    "link_token": "Links to connect an account (the links themselves are not kept)",
    "ended_income": "Last income of disconnected accounts",
    "open_loan": "Open loans of which the decision was erased",
}
"""Headings of the kinds of the chapter `user`."""

_NAMES = {
    "actual": "Your value",
    "caller": "Asked by",
    "hashed": "Drawn at random",
    "kept": "How long it is kept",
    "made": "Made on",
    "moved": "Changed",
    "pins": "Kept for later decisions",
    "trials": "Tried with other rules (without effect)",
    "found_by": "Found again by",
    "unit": "Drawn by",
}

LONG = frozenset(
    {
        "assignment", "data_quality", "factor_values", "history", "own_records", "rollout",
        "trials", "accounts", "account_faults", "sources", "providers", "known", "tasks",
        "how_it_was_read",
    }
)  # fmt: skip
"""What is folded up until it is opened, beside the records of a reading."""

TECHNICAL = (
    "decision_id", "user_id", "request_id", "ruleset_ref", "ruleset_digest", "plan_digest",
    "snapshot_id", "engine_version", "languages",
)  # fmt: skip
"""What stands at the end, folded up."""

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .25rem; }
h3 { font-size: 1.05rem; margin: 1.25rem 0 .5rem; }
article > h3 { margin-top: 0; } h4 { font-size: 1rem; margin: 1rem 0 .25rem; }
.id, .note { opacity: .75; margin: 0; overflow-wrap: anywhere; }
article { border: 1px solid #8888; border-radius: .5rem; padding: 1rem; margin: 1rem 0; }
dl { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; gap: .25rem 1rem; margin: 0; }
dt { font-weight: 600; } dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid #8885; } th { white-space: nowrap; } td { max-width: 28rem; }
pre { white-space: pre-wrap; font: inherit; margin: .25rem 0; }
details { margin: .5rem 0; } summary { cursor: pointer; font-weight: 600; padding: .25rem 0; }
ul.in { margin: 0; padding: 0; list-style: none; }
@media (max-width: 36rem) { dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; } article { padding: .75rem; } }
@media print { main { max-width: none; } .scroll { overflow: visible; } }
"""


def name_of(name: str) -> str:
    """A field's name in words."""
    return _NAMES.get(name) or name.replace("_", " ").capitalize()
