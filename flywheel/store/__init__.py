"""What is kept: one file per noun, its table with its queries."""
