"""From what was gathered to the entry that is committed: verdict, decision, reply, record.

Nothing is read or stored here, and no clock is asked.
"""
