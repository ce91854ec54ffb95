"""Checks of this project's own that `make lint` runs; no part of the product."""
