"""The command `preflight` and its checks: settings, rules, store, vendor.

No check changes anything, except that opening a store does what `serve` does: a restored one is
erased as its journal says, and users' keys in a file are wrapped.
"""
