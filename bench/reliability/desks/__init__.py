"""Reviews under load: who works on them, what each was told, and what the store holds of it."""
