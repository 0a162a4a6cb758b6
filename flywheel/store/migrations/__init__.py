"""The schema's history, one small file per change."""
