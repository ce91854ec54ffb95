"""The made-up people and their data, in the vendor's JSON shapes, for one day.

No module here keeps state between calls or knows HTTP; everything follows from a seed and a day.
"""
