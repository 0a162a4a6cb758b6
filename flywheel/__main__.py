"""`python -m flywheel`: the command line without its script on the path."""

from __future__ import annotations

from flywheel.cli.main import main

if __name__ == "__main__":
    main()
