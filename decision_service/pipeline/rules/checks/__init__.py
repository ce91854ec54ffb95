"""What is wrong with the deciding rules beyond a single rule file: plans, lists, letters, settings.

Text in, diagnostics out: nothing here is loaded, stored or put in force.
"""
