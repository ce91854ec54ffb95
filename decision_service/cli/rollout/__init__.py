"""The commands that show, compare and move rollouts on a running server.

No module here judges a rollout, and no other group's module may be imported.
"""
