"""Damage bytes in the ways that break parsers, always the same for the same seed."""

import random
import struct
from collections.abc import Sequence

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
MOST_BYTES = 2**18


def mutate(seeds: Sequence[bytes], number: int) -> bytes:
    """The mutation of that number: one to eight changes to one of the seeds."""
    chance = random.Random(number)  # noqa: S311 (no secret)
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 8)):
        chance.choice(_WAYS)(data, seeds, chance)
    return bytes(data[:MOST_BYTES])


def _place(data: bytearray, chance: random.Random) -> int:
    """Heads decide more than data does: half of the places are in the first 200 bytes."""
    end = min(len(data), 200) if chance.random() < 0.5 else len(data)
    return chance.randrange(end + 1)


def _flip(data: bytearray, _: Sequence[bytes], chance: random.Random) -> None:
    if data:
        data[min(_place(data, chance), len(data) - 1)] ^= 1 << chance.randrange(8)


def _set_number(data: bytearray, _: Sequence[bytes], chance: random.Random) -> None:
    width, code = chance.choice([(1, "B"), (2, "H"), (4, "I")])
    value = chance.choice(EXTREMES) % 256**width
    place = _place(data, chance)
    data[place : place + width] = struct.pack(chance.choice("<>") + code, value)


def _cut(data: bytearray, _: Sequence[bytes], chance: random.Random) -> None:
    place = _place(data, chance)
    del data[place : place + chance.randrange(1, 200)]


def _cut_short(data: bytearray, _: Sequence[bytes], chance: random.Random) -> None:
    del data[_place(data, chance) :]


def _repeat(data: bytearray, _: Sequence[bytes], chance: random.Random) -> None:
    place = _place(data, chance)
    piece = data[place : place + chance.randrange(1, 60)]
    data[place:place] = piece * chance.choice([1, 2, 100])


def _splice(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    other = chance.choice(seeds)
    start = chance.randrange(len(other) + 1)
    place = _place(data, chance)
    data[place:place] = other[start : start + chance.randrange(1, 2000)]


_WAYS = (_flip, _set_number, _cut, _cut_short, _repeat, _splice)
