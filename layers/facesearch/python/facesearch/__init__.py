"""Find faces in photos, embed them, and search them by nearest neighbour."""

__version__ = "0.1.0"
