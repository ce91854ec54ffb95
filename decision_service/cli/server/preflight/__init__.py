"""The command `preflight` and its checks: settings, rules, store, vendor.

No check changes anything, except that opening a restored store erases what its journal says.
"""
