"""The commands about settings: what is set and whether it can be used, and a sample file.

No setting is defined here.
"""
