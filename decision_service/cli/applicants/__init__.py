"""The commands that onboard applicants on a running server, and export or erase what is stored.

No other command belongs here, and no other group's module may be imported.
"""
