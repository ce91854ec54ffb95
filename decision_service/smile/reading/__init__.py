"""One fetch of an applicant: accounts, the kinds of data side by side, and what confirms them.

No module here sends a request past the client or reads a field of an answer itself.
"""
