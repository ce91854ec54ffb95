"""Letters as plain text and as HTML."""
