"""The HTTP API with the dashboard page."""
