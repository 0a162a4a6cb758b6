"""Chat models, the embedded model, the runner of cases."""
