"""The steps from one version of the tables to the next, one per file in `versions`.

A store that has tables already takes them, run by `storage.schema.versions`; a new one needs none.
"""
