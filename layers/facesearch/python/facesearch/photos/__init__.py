"""The places that photos come from, and how they are read."""
