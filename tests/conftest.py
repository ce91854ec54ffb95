"""Hypothesis draws the same examples in every CI run; at a desk it keeps looking for new ones."""

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, database=None)
if os.environ.get("CI"):
    settings.load_profile("ci")
