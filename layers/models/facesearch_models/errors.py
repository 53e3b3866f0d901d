"""The one error of the model build, and what other libraries' errors say."""

from facesearch.errors import ModelError


class BuildError(ModelError):
    """A model could not be downloaded, verified or built."""


def first_line(error: Exception) -> str:
    """The first line of another library's message, which may be long."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
