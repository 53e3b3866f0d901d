"""Have all photos embedded again, by many functions at once, while the store is in use."""
