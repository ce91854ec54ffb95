"""Checks of the running service: replicas that agree, clock guard, retention.

Nothing here decides an application.
"""
