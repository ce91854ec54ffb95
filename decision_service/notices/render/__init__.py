"""Letters as plain text and as HTML.

No word of a letter is chosen here.
"""
