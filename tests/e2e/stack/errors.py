"""What can go wrong around the stack, told in a line to the developer who started it."""


class StackError(Exception):
    """The message names the thing, the cause and the fix."""
