"""Evidence in."""
