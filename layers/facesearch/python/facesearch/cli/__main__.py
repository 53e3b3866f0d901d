"""`python -m facesearch.cli`, where the `facesearch` script is not on the path."""

from facesearch.cli import main

if __name__ == "__main__":
    main()
