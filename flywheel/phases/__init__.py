"""The six phases, one function each; effects arrive as arguments."""
