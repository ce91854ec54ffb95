"""Linking accounts by the look-alike widget: its sessions and the API that its script calls.

No endpoint of the vendor's Open API belongs here.
"""
