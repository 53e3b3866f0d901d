"""Embeddings of other recipes: as many numbers as each says, of unit length or not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch.errors import RecipeMismatch
from facesearch.faces import Embedding, IndexedPhoto, Photo, Recipe
from facesearch.stores import open_store
from tests.contract.samples import RECIPE, face, vector

RECIPES = {
    "64": Recipe("detector", "crop", "of 64", dimension=64),
    "512": Recipe("detector", "crop", "of 512", dimension=512),
    "2048, any length": Recipe("whole", "whole", "of 2048", dimension=2048, unit_length=False),
}


@pytest.fixture(params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return RECIPES[request.param]


def vectors_of(recipe: Recipe, count: int) -> NDArray[np.float32]:
    vectors = np.random.default_rng(7).standard_normal((count, recipe.dimension))
    if recipe.unit_length:
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def shown(number: int, embedding: Embedding) -> IndexedPhoto:
    return IndexedPhoto(Photo(f"file:///{number:03}.jpg", sequence=1), (face(embedding),))


def test_vectors_of_a_recipes_dimension_are_kept_and_found_as_brute_force_finds_them(
    store_url: str, recipe: Recipe
) -> None:
    vectors = vectors_of(recipe, 300)
    with open_store(store_url, recipe) as store:
        store.write([shown(*each) for each in enumerate(vectors[1:])])
        matches = store.search(vectors[0], 20)
        kept = store.photo("file:///007.jpg")
        store.status()
    distances = np.linalg.norm(vectors[1:].astype(np.float64) - vectors[0], axis=1)
    nearest = np.argsort(distances)[:20]
    names = [match.stored.photo.photo_id for match in matches]
    assert names == [f"file:///{number:03}.jpg" for number in nearest]
    assert [match.distance for match in matches] == pytest.approx(distances[nearest], rel=1e-5)
    assert kept is not None
    np.testing.assert_array_equal(kept.faces[0].embedding, vectors[8])


def test_store_says_of_what_dimension_it_is_and_refuses_others(
    store_url: str, recipe: Recipe
) -> None:
    with open_store(store_url, recipe) as store:
        store.write([shown(1, vectors_of(recipe, 1)[0])])
    with open_store(store_url, None) as store:
        stored = store.stored_recipe()
    assert stored == recipe
    assert stored is not None
    assert stored.dimension == recipe.dimension
    with open_store(store_url, RECIPE) as store, pytest.raises(RecipeMismatch):
        store.search(vector(1), 1)


def test_vector_that_is_not_of_the_recipe_is_never_stored(store_url: str, recipe: Recipe) -> None:
    wrong = [
        np.ones(recipe.dimension - 1, np.float32) / np.float32((recipe.dimension - 1) ** 0.5),
        np.full(recipe.dimension, np.nan, np.float32),
        np.full(recipe.dimension, np.inf, np.float32),
        *([np.ones(recipe.dimension, np.float32)] if recipe.unit_length else []),
    ]
    with open_store(store_url, recipe) as store:
        for each in wrong:
            with pytest.raises(ValueError, match="embedding has"):
                store.write([shown(1, each)])
            with pytest.raises(ValueError, match="embedding has"):
                store.search(each, 1)
