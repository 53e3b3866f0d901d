"""Store URLs without their passwords, for messages."""


def without_password(url: str) -> str:
    """The URL without its `user:password@`, even if the rest of the URL is malformed."""
    # A password with a raw `/` or `?` in it ends the host too early for a parser, not for us.
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else url
