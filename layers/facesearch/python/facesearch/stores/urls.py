"""Store URLs as messages may show them."""


def without_password(url: str) -> str:
    """The URL with its `user:password@` left out, however malformed the rest of it is."""
    # A password with a raw `/` or `?` in it ends the host too early for a parser, not for us.
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else url
