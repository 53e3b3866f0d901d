"""A person's photos in folders, and the store that follows them."""
