"""YAML with line marks, located diagnostics and the typed, three-valued expression language."""
