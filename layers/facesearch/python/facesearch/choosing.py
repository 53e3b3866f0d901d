"""Choose the recipe that a store holds, where nobody names one."""

from dataclasses import replace
from pathlib import Path

from facesearch.errors import SettingsError, StoreError
from facesearch.faces import Recipe
from facesearch.recipes.finding import ChosenRecipe, usable_recipes
from facesearch.settings import Settings
from facesearch.stores import open_store
from facesearch.vision.identity import WHOLE_IMAGE, recipe_of


def with_stored_recipe(settings: Settings) -> Settings:
    """The settings with the recipe of the store, unless they name one.

    It stays unnamed where the store does not exist, cannot be read now (whoever opens it next
    learns why), or holds a recipe that is not to be found here.
    """
    if settings.recipe is not None:
        return settings
    stored = _stored(settings)
    if stored is None:
        return settings
    return replace(settings, recipe=recipe_here(stored.fingerprint, settings.models))


def with_recipe_to_rebuild(settings: Settings) -> Settings:
    """The same, for making a store's embeddings anew: those of faces become the default's.

    Raises `SettingsError` for a store of whole images whose recipe is not to be found here: of
    pictures without faces, nothing would be left.
    """
    chosen = with_stored_recipe(settings)
    if chosen.recipe is None:
        stored = _stored(settings)
        if stored is not None and stored.detector == WHOLE_IMAGE:
            raise SettingsError(
                f"the store holds whole images, and their recipe {stored.fingerprint} is not to be "
                "found here: name the one to make it anew with (--recipe)"
            )
    return chosen


def recipe_here(fingerprint: str, models: Path) -> ChosenRecipe | None:
    """The recipe with this fingerprint, among those that can be used here."""
    recipes = usable_recipes(models)
    return next(
        (each for each in recipes if recipe_of(each.description).fingerprint == fingerprint), None
    )


def _stored(settings: Settings) -> Recipe | None:
    try:
        with open_store(settings.store_url, None) as store:
            return store.stored_recipe()
    except StoreError:
        return None
