"""Choose the recipe that a store holds, where nobody names one."""

from dataclasses import replace

from facesearch.errors import StoreError
from facesearch.faces import Recipe
from facesearch.recipes.finding import ChosenRecipe, usable_recipes
from facesearch.settings import Settings
from facesearch.stores import open_store
from facesearch.vision.identity import recipe_of


def with_stored_recipe(settings: Settings) -> Settings:
    """The settings with the recipe of the store, unless they name one.

    It stays unnamed where the store does not exist, cannot be read now (whoever opens it next
    learns why), or holds a recipe that is not to be found here.
    """
    if settings.recipe is not None:
        return settings
    try:
        with open_store(settings.store_url, None) as store:
            stored = store.stored_recipe()
    except StoreError:
        return settings
    return replace(settings, recipe=_found(stored, settings)) if stored else settings


def _found(stored: Recipe, settings: Settings) -> ChosenRecipe | None:
    recipes = usable_recipes(settings.models)
    return next((each for each in recipes if recipe_of(each.description) == stored), None)
