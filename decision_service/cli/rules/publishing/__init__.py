"""Publishing a rules folder: by one person, or proposed by one and approved by another.

No folder is put in force here.
"""
