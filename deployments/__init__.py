"""Values per environment: what a Prefect server needs besides prefect.yaml."""
