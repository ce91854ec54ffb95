"""Reports in Markdown, HTML and SVG; every one tells the same figures.

No figure is computed here.
"""
