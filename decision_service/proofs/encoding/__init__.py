"""What `evaluation` and `ruleset` compute of one person, as terms of all people at once."""
