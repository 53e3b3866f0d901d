"""Recipes: what is cut out of photos, by what network it is embedded, and what distances mean."""
