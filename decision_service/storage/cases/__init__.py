"""Exported decisions, read in place of a store."""
