"""The flows of the Prefect project."""
