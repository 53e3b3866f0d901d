"""What all stores say of embeddings that are another recipe's."""

from facesearch.errors import RecipeMismatch
from facesearch.faces import Recipe
from facesearch.vision.identity import recipe_name


def recipe_mismatch(store: str, stored: Recipe, used: Recipe) -> RecipeMismatch:
    """The error of a store, called `store`, that holds `stored` where `used` is in use."""
    name, mine = recipe_name(stored), recipe_name(used) or used.fingerprint
    instead = f"use --recipe {name}" if name else "name that recipe's .toml file with --recipe"
    return RecipeMismatch(
        f"store '{store}' holds embeddings of {named_recipe(stored)}, which cannot be compared "
        f"with those of {mine}: {instead}, or make them anew with {mine} (facesearch upgrade "
        f"--recipe {mine})",
        stored.fingerprint,
    )


def named_recipe(recipe: Recipe) -> str:
    """The recipe's name and fingerprint, for messages."""
    name = recipe_name(recipe)
    return f"recipe {name} ({recipe.fingerprint})" if name else f"a recipe ({recipe.fingerprint})"
