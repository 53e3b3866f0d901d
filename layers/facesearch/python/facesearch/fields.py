"""Check values against the types that declare them, and say in a sentence what is wrong.

A field is declared once, as `name: Annotated[int, Meta(ge=1, le=100, description=…)]` of a
`msgspec.Struct`. `Meta(extra={"use": …})` replaces the hint that the type alone would give.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from facesearch.errors import InvalidRequest

LONGEST = 40
"""Characters of a value that an error shows."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})(e[+-]?[0-9]{1,3})?", re.I)

Fields = Mapping[str, Any]
"""Types by the names of fields."""

_Declared = TypeVar("_Declared", bound=msgspec.Struct)


@cache
def fields_of(kind: type[msgspec.Struct]) -> Fields:
    """The fields of a type, in the order of their declaration."""
    return {each.encode_name: each.type for each in _declared(kind)}


@cache
def _declared(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    # Each call resolves the types anew: 50 µs.
    return msgspec.structs.fields(kind)


def convert(values: Mapping[str, object], kind: type[_Declared]) -> _Declared:
    """Convert values of JSON's types to a `kind`.

    Raises `InvalidRequest`, which names the field, what was given, and what to use. None is not a
    value: callers leave a field out instead.
    """
    try:
        if None in values.values():
            raise msgspec.ValidationError
        _check_unicode(values.items())
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(_fault_of_struct(values, kind)) from error


def check_fields(struct: msgspec.Struct, kind: type[msgspec.Struct]) -> None:
    """Check the fields of a struct that Python code made. Raises `InvalidRequest`."""
    for field in _declared(kind):
        value = getattr(struct, field.name)
        if value is not field.default and (fault := _fault(field.name, value, field.type)):
            raise InvalidRequest(fault)


def from_text(text: str, kind: Any) -> object:
    """Parse a text from an address or a form for a field of this type.

    Lists are comma-separated. A text that does not fit the type is returned unchanged.
    """
    if get_origin(_without_meta(kind)) is tuple:
        return text.split(",") if text else []
    try:
        return msgspec.convert(text, kind)
    except msgspec.ValidationError:
        pass
    if text.lower() in ("true", "false"):  # Python's clients write them with capitals
        return text.lower() == "true"
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def is_mapping(kind: Any) -> bool:
    """Whether a field maps names to texts. In an address or form it is `field.NAME=VALUE`."""
    return get_origin(_without_meta(kind)) is Mapping


def shorten(value: object) -> str:
    """The value as text, short enough for a message."""
    text = f"'{value}'" if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def unknown_name(name: str, known: Iterable[str]) -> InvalidRequest:
    """The error for a name that is not a field: a misspelt name must not be ignored."""
    known = ", ".join(known)
    use = f"use {known}" if known else "this path takes no options"
    return InvalidRequest(f"{shorten(name)} is not understood: {use}")


def _check_unicode(items: Iterable[tuple[str, object]]) -> None:
    """JSON may hold halves of characters, which nothing can store or search for."""
    for name, value in items:
        for text in (name, *([value] if isinstance(value, str) else _texts(value))):
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise InvalidRequest(
                    f"{ascii(name[:LONGEST])[1:-1]} is not valid Unicode: leave half characters out"
                ) from error


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, dict):
        return [each for item in value.items() for each in item if isinstance(each, str)]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _fault_of_struct(
    values: Mapping[str, object], kind: type[msgspec.Struct], prefix: str = ""
) -> str:
    fields = fields_of(kind)
    for name, value in values.items():
        if name not in fields:
            return str(unknown_name(prefix + name, fields))
        if fault := _fault(prefix + name, value, fields[name]):
            return fault
    required = [each.name for each in _declared(kind) if each.required]
    missing = [prefix + name for name in required if name not in values]
    if len(missing) == 1:
        return f"{missing[0]} is missing: send it"
    return f"{', '.join(missing[:-1])} and {missing[-1]} are missing: send them"


def _fault(name: str, value: object, kind: Any) -> str:
    """What is wrong with the value of a field; empty when nothing is."""
    if value is not None:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError:
            pass
        else:
            return ""
    return _sentence(name, value, *_expected(kind, value))


def _expected(kind: Any, value: object) -> tuple[Any, msgspec.Meta]:
    """The type that the value should have, and what its declaration says beside it."""
    meta = msgspec.Meta()
    while True:
        if get_origin(kind) is Annotated:
            kind, meta = get_args(kind)[:2]
        elif get_origin(kind) in (Union, UnionType) and not (meta.extra or {}).get("use"):
            kinds = [each for each in get_args(kind) if each is not NoneType]
            lists = [each for each in kinds if get_origin(_without_meta(each)) is list]
            kind = lists[0] if lists and isinstance(value, list) else kinds[0]
        else:
            return kind, meta


def _without_meta(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _sentence(name: str, value: object, kind: Any, meta: msgspec.Meta) -> str:  # noqa: PLR0911
    given = f"{name} is {shorten(value)}: use"
    if use := (meta.extra or {}).get("use"):
        return f"{given} {use}"
    if kind in (int, float):
        return f"{given} {_numbers(value, kind, meta)}"
    if kind is bool:
        return f"{given} true or false"
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return f"{name} has {shorten(value)}: use {', '.join(arguments)}"
    if origin in (list, tuple):
        if not isinstance(value, list):
            return f"{given} a list of {', '.join(get_args(arguments[0]))}"
        faults = (_fault(name, each, arguments[0]) for each in value)
        most = f"{len(value)} of {name} were given: send {meta.min_length} to {meta.max_length}"
        return next(filter(None, faults), most)
    if origin is Mapping:
        if not isinstance(value, dict):
            return f"{name[:LONGEST]} is not an object of names and texts: send one"
        entries = (_fault(f"{name}.{key}", each, arguments[1]) for key, each in value.items())
        most = f"{len(value)} of {name} were given: send at most {meta.max_length}"
        return next(filter(None, entries), most)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if not isinstance(value, dict):
            return f"{name} is not an object: send one with {' or '.join(fields_of(kind))}"
        return _fault_of_struct(value, kind, f"{name}.")
    return f"{name[:LONGEST]} is not a text, or empty: send a text of one character or more"


def _numbers(value: object, kind: type, meta: msgspec.Meta) -> str:
    right = not isinstance(value, bool) and isinstance(value, int if kind is int else int | float)
    if not right or not abs(value) < 10**9:  # type: ignore[arg-type]
        return "a whole number" if kind is int else "a number, such as 0.9"
    return f"{meta.ge} to {meta.le:g}" if meta.le is not None else f"{meta.ge} or more"
