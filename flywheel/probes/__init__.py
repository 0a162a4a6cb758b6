"""Value-generating tests."""
