"""What all stores say of embeddings that are another recipe's."""

from facesearch.errors import RecipeMismatch
from facesearch.faces import Recipe
from facesearch.vision.identity import recipe_name


def recipe_mismatch(store: str, stored: Recipe, used: Recipe) -> RecipeMismatch:
    """The error of a store, called `store`, that holds `stored` where `used` is in use."""
    name, mine = recipe_name(stored), recipe_name(used) or used.fingerprint
    instead = f"--recipe {name}" if name else "its .toml file in --recipe"
    return RecipeMismatch(
        f"store '{store}' holds embeddings of recipe {named_recipe(stored)}, which cannot be "
        f"compared with those of {mine}: name {instead}, or make them anew with {mine} (facesearch "
        f"upgrade --recipe {mine})",
        stored.fingerprint,
    )


def named_recipe(recipe: Recipe) -> str:
    """The recipe's name and fingerprint, for messages."""
    return f"{recipe_name(recipe) or 'unknown here'} ({recipe.fingerprint})"
