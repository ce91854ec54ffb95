"""The languages in which letters are written."""

from __future__ import annotations

from collections.abc import Mapping

from decision_service.notices.languages.english import ENGLISH
from decision_service.notices.languages.filipino import FILIPINO
from decision_service.notices.languages.words import Words

LANGUAGES: Mapping[str, Words] = {"en": ENGLISH, "fil": FILIPINO}
"""The words of each language by its tag."""
