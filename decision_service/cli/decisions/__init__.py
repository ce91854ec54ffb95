"""The commands that make, read, replay and export decisions on a running server.

No module here decides anything, and no other group's module may be imported.
"""
