"""What every reader of a rule file shares: the draft, its names, literals and texts.

No reader of a single section or construct stands here.
"""
