"""`rules diff`, and what `rules review` shares with it: two states of the rules compared."""
