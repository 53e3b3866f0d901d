"""Options, from texts (the address, a form) and from JSON, as the use cases take them."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

from facesearch.errors import InvalidRequest
from facesearch.searching import DEFAULT_K, MAX_DISTANCE, FaceChoice, Scope

METADATA = "metadata."
"""Prefix of texts' names: `?metadata.album=summer`."""

INCLUDES = ("boxes", "thumbnails", "photo_urls")

Options = dict[str, object]
"""Values of JSON's types by name, not yet checked; each function takes out what it reads."""

_LONGEST = 40
_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})(e[+-]?[0-9]{1,3})?", re.I)


@dataclass(frozen=True, slots=True)
class Include:
    """What is told of faces besides what is always told."""

    boxes: bool = True
    thumbnails: bool = False
    photo_urls: bool = False


def options_of(event: BaseProxyEvent) -> Options:
    """Those in the address."""
    parameters: Mapping[str, Sequence[str]] = event.resolved_query_string_parameters
    return from_texts((name, text) for name, texts in parameters.items() for text in texts)


def from_texts(given: Iterable[tuple[str, str]]) -> Options:
    """Raises `InvalidRequest` for an option given twice, or a text that is no such value."""
    options: Options = {}
    metadata: Options = {}
    for name, text in given:
        entry = name.startswith(METADATA)
        place, key = (metadata, name.removeprefix(METADATA)) if entry else (options, name)
        if key in place:
            raise InvalidRequest(f"{_shown(name)} is given twice: give it once")
        place[key] = text if entry else _FROM_TEXT.get(name, _same)(name, text)
    return {**options, "metadata": metadata} if metadata else options


def merged(address: Options, form: Options, fields: Options) -> Options:
    """Raises `InvalidRequest` for an option that is in the address and in the body."""
    body = {**form, **fields}
    for name in body:
        if name in address:
            raise InvalidRequest(
                f"{_shown(name)} is given in the address and in the body: give it once"
            )
    return {**address, **body}


def scope_of(options: Options) -> Scope:
    """Raises `InvalidRequest`, naming the option."""
    metadata = options.pop("metadata", {})
    if not isinstance(metadata, dict):
        raise InvalidRequest("metadata is not an object of names and texts")
    collection = None
    if "collection" in options:
        collection = text_of("collection", options.pop("collection"))
    return Scope(
        k=_whole(options, "k", DEFAULT_K),
        collection=collection,
        metadata={name: text_of(METADATA + name, value) for name, value in metadata.items()}
        or None,
        offset=_whole(options, "offset", 0),
        max_distance=_decimal(options, "max_distance", MAX_DISTANCE),
        min_confidence=_decimal(options, "min_confidence", 0.0),
        expand=_flag(options, "expand"),
    )


def face_choice(options: Options) -> FaceChoice:
    """Raises `InvalidRequest` for what is neither a word for faces nor a place."""
    face = options.pop("face", "largest")
    if face == "all":
        return "all"
    if face == "largest":
        return 0
    if not isinstance(face, int) or isinstance(face, bool) or face < 0:
        raise InvalidRequest(
            f"face is {_shown(face)}: use largest, all, or the index of a face of the photo, "
            "counted from 0"
        )
    return face


def include_of(options: Options) -> Include:
    """Raises `InvalidRequest` for anything unknown in it."""
    include = options.pop("include", ["boxes"])
    if not isinstance(include, list):
        raise InvalidRequest(f"include is {_shown(include)}: use a list of {', '.join(INCLUDES)}")
    for each in include:
        if each not in INCLUDES:
            raise InvalidRequest(f"include has {_shown(each)}: use {', '.join(INCLUDES)}")
    return Include(*(name in include for name in INCLUDES))


def refuse_rest(options: Options, known: Sequence[str], prefix: str = "") -> None:
    """Raise `InvalidRequest` for what nothing has read: a misspelt option must not be ignored."""
    for name in options:
        raise InvalidRequest(f"{_shown(prefix + name)} is not understood: use {', '.join(known)}")


def text_of(name: str, value: object) -> str:
    """Raises `InvalidRequest` for anything but a text with something in it."""
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"{name[:_LONGEST]} is not a text, or empty")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{name[:_LONGEST]} is not valid Unicode") from error
    return value


def _whole(options: Options, name: str, default: int) -> int:
    value = options.pop(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 10**9:
        raise InvalidRequest(f"{name} is {_shown(value)}: use a whole number")
    return value


def _decimal(options: Options, name: str, default: float) -> float:
    value = options.pop(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 10**9:
        raise InvalidRequest(f"{name} is {_shown(value)}: use a number")
    return value


def _flag(options: Options, name: str) -> bool:
    value = options.pop(name, False)
    if not isinstance(value, bool):
        raise InvalidRequest(f"{name} is {_shown(value)}: use true or false")
    return value


def _shown(value: object) -> str:
    """Short enough for a message."""
    text = f"'{value}'" if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _same(_name: str, text: str) -> object:
    return text


def _whole_text(name: str, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise InvalidRequest(f"{name} is {_shown(text)}: use a whole number")
    return int(text)


def _decimal_text(name: str, text: str) -> float:
    if not _DECIMAL.fullmatch(text):
        raise InvalidRequest(f"{name} is {_shown(text)}: use a number, such as 0.9")
    return float(text)


def _face_text(_name: str, text: str) -> object:
    return int(text) if _WHOLE.fullmatch(text) else text


def _flag_text(_name: str, text: str) -> object:
    return {"true": True, "false": False}.get(text, text)


def _list_text(_name: str, text: str) -> list[str]:
    return text.split(",") if text else []


_FROM_TEXT: dict[str, Callable[[str, str], object]] = {
    "k": _whole_text,
    "offset": _whole_text,
    "max_distance": _decimal_text,
    "min_confidence": _decimal_text,
    "face": _face_text,
    "include": _list_text,
    "expand": _flag_text,
}
