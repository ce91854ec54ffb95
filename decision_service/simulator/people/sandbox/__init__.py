"""The four people of the vendor's sandbox, and what their accounts hold on a given day.

No person of a population belongs here.
"""
