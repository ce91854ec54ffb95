"""The commands that check, test, explain, compare, format and publish rule files; without a server.

No module here evaluates a rule itself, and no other group's module may be imported.
"""
