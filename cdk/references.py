"""Resolve CloudFormation's values to text, with the caller's functions for references."""

import json
from collections.abc import Callable


def text_of(
    value: object,
    reference: Callable[[str], str],
    attribute: Callable[[str, str], str],
    imported: Callable[[str], str] = str,
) -> str:
    """Resolve a text, a number, `Ref`, `Fn::GetAtt`, `Fn::ImportValue` or `Fn::Join`.

    Raises `ValueError` for others.
    """
    match value:
        case {"Ref": str(name)}:
            return reference(name)
        case {"Fn::ImportValue": str(name)}:
            return imported(name)
        case {"Fn::GetAtt": [str(name), str(of_it)]}:
            return attribute(name, of_it)
        case {"Fn::Join": [str(separator), [*parts]]}:
            return separator.join(text_of(part, reference, attribute, imported) for part in parts)
        case str() | int():
            return str(value)
        case _:
            raise ValueError(f"{json.dumps(value)} is no text that can be worked out here")
