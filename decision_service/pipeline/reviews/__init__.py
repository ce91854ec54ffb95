"""Reviews: reading and moving them, and deciding an application again.

What a step does is said in `reviewing`; nothing here changes a decision's record.
"""
