"""The blocks of the Prefect project."""
