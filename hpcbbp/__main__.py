"""Makes python -m hpcbbp the same as hpcbbp."""

from hpcbbp.cli import main

if __name__ == "__main__":
    main()
