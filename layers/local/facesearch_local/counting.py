"""Numbers of things, as people write them."""


def counted(number: int, noun: str) -> str:
    """The number and its noun, in the plural unless it is one: "1 face", "2,000 faces"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def counted_are(number: int, noun: str) -> str:
    """The same with its verb: "1 face is", "2,000 faces are"."""
    return f"{counted(number, noun)} {'is' if number == 1 else 'are'}"
