"""The webhooks that callers have registered, and the checks of their fields.

Nothing is sent from here.
"""
