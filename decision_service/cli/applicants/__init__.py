"""The commands that onboard applicants on a running server.

No other command belongs here, and no other group's module may be imported.
"""
