"""Names of collections, from keys and from tags."""

import pytest

from facesearch.collections import CollectionRule, check_collection_name
from facesearch.errors import InvalidCollection, SettingsError


@pytest.mark.parametrize(
    ("prefix", "key", "collection"),
    [
        ("", "wedding/day1/a.jpg", "wedding"),
        ("", "a.jpg", "default"),
        ("", "/a.jpg", "default"),
        ("", "//wedding//a.jpg", "wedding"),
        ("", "Zoë & Ana 🎉/a.jpg", "Zoë & Ana 🎉"),
        ("photos/", "photos/wedding/a.jpg", "wedding"),
        ("photos/", "photos/a.jpg", "default"),
        ("photos", "photos/wedding/a.jpg", "wedding"),
        ("in/new-", "in/new-wedding/a.jpg", "wedding"),
    ],
)
def test_first_folder_after_the_prefix_is_the_collection(
    prefix: str, key: str, collection: str
) -> None:
    assert CollectionRule("prefix", prefix).of_key(key) == collection


@pytest.mark.parametrize(
    ("tags", "collection"),
    [
        ({}, "default"),
        ({"collection": ""}, "default"),
        ({"Collection": "other case"}, "default"),
        ({"album": "x", "collection": "wedding/day 1"}, "wedding/day 1"),
    ],
)
def test_tag_is_the_collection(tags: dict[str, str], collection: str) -> None:
    assert CollectionRule("tag").of_tags(tags) == collection


@pytest.mark.parametrize(
    "name", ["", " ", "a ", " a", "a\tb", "a\0b", "a\nb", "\u202eevil", "\ud800", "é" * 128]
)
def test_name_that_nobody_could_ask_for_is_refused_without_repeating_it(name: str) -> None:
    with pytest.raises(InvalidCollection, match=r"the collection's name .* choose another"):
        check_collection_name(name)


def test_name_may_have_255_bytes() -> None:
    assert check_collection_name("é" * 127 + "x") == "é" * 127 + "x"


def test_rule_is_read_from_the_environment() -> None:
    assert CollectionRule.from_env({}) == CollectionRule("prefix", "")
    environ = {"FACESEARCH_COLLECTIONS": "tag", "FACESEARCH_PREFIX": "photos/"}
    assert CollectionRule.from_env(environ) == CollectionRule("tag", "photos/")
    with pytest.raises(SettingsError, match="FACESEARCH_COLLECTIONS is 'folder': use one of pre"):
        CollectionRule.from_env({"FACESEARCH_COLLECTIONS": "folder"})
