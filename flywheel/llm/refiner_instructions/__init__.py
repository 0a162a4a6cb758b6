"""Instructions a model rewrites prompts by, one Markdown file per refinement strategy."""
