"""The profiles in a population: which accounts a person connects, and what they deliver.

No module here builds a whole person or a world.
"""
