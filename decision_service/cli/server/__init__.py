"""The commands of whoever runs the service: serve, migrate, preflight, health, tokens, webhooks.

No module here decides or reads decisions, and no other group's module may be imported.
"""
