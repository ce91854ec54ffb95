"""Whether two descriptions are of one person: names, birth dates, phone numbers, e-mail addresses.

Pure functions over bounded texts; no factor, no rule and nothing that stores or reads a person.
"""
