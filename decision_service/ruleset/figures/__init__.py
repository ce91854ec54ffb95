"""Figures of a version moved a little, one at a time, to find those that no rule test notices.

Works on trees that were read already; no use case of the service, and nothing here decides.
"""
