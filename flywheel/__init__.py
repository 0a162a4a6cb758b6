"""flywheel turns test runs, traces plus imports into prompts that are measurably better."""

__version__ = "0.1.0"
