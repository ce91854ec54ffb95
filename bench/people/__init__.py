"""People made up by a seed, for benches and tests: everyday, difficult and ordinary ones."""
