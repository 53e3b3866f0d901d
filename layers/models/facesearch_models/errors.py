"""The one error of the model build."""

from facesearch.errors import ModelError


class BuildError(ModelError):
    """A model could not be downloaded, verified or built."""
