"""The console: pages for people, of a process that calls the public API with their credentials."""
