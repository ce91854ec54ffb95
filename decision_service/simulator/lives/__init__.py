"""The kinds of lives in a population: what each connects, and what that delivers."""
