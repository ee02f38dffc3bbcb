"""``python -m effmeter``: the command line."""

from effmeter.cli import main

if __name__ == "__main__":
    main()
