"""Parts of letters that depend on what was decided and by whom."""
