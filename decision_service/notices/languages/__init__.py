"""The words that every letter has, one module a language."""
