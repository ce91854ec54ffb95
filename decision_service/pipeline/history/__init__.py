"""History: what earlier decisions and reports of loans say of the person who applies now.

Figures are made here and judged elsewhere; nothing here reads the vendor.
"""
