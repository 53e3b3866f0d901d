"""Copies of a store's file, each damaged in another way, by number."""

import random

PAGE = 4096


def damage(content: bytes, number: int) -> bytes:
    """Always the same damage for the same file and number."""
    chance = random.Random(number)  # noqa: S311 (no secret)
    return _WAYS[number % len(_WAYS)](bytearray(content), chance)


def _flip_a_bit(content: bytearray, chance: random.Random) -> bytes:
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(content)


def _flip_bits_of_a_page(content: bytearray, chance: random.Random) -> bytes:
    start = chance.randrange(len(content) // PAGE) * PAGE
    for _ in range(chance.randrange(2, 40)):
        content[start + chance.randrange(PAGE)] ^= 1 << chance.randrange(8)
    return bytes(content)


def _cut_short(content: bytearray, chance: random.Random) -> bytes:
    return bytes(content[: chance.randrange(1, len(content))])


def _zero_a_page(content: bytearray, chance: random.Random) -> bytes:
    start = chance.randrange(len(content) // PAGE) * PAGE
    content[start : start + PAGE] = bytes(PAGE)
    return bytes(content)


def _swap_pages(content: bytearray, chance: random.Random) -> bytes:
    one, two = (PAGE * page for page in chance.sample(range(len(content) // PAGE), 2))
    first, second = content[one : one + PAGE], content[two : two + PAGE]
    content[one : one + PAGE], content[two : two + PAGE] = second, first
    return bytes(content)


_WAYS = (_flip_a_bit, _flip_bits_of_a_page, _cut_short, _zero_a_page, _swap_pages)
