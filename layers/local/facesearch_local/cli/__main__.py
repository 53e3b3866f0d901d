"""`python -m facesearch_local.cli`, where the `facesearch` script is not on the path."""

from facesearch_local.cli import main

if __name__ == "__main__":
    main()
