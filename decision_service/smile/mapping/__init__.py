"""From the bytes of an answer to the records of the domain, field by field and list by list.

No module here decides what is read, when, or what follows from a fault.
"""
