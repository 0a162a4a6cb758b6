"""The tasks of the Prefect project."""
