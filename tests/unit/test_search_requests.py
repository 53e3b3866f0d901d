"""Search requests: what is asked for, and what is wrong with those that cannot be answered."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import pytest

from facesearch.errors import InvalidRequest, NotAnImage
from search_faces.contract.requests import (
    BucketQuery,
    CompareRequest,
    DetectRequest,
    FaceQuery,
    MatchesRequest,
    PhotoQuery,
    Query,
    SearchRequest,
)
from search_faces.http import HttpRequest
from search_faces.parsing import parse_request
from search_faces.routes.faces import COMPARE, DETECT, FACE_ROUTE
from search_faces.routes.searching import MATCHES, SEARCH
from search_faces.routing import Route

PHOTO = b"\xff\xd8 a photo \x00"
FACE = "0a-1"

Texts = Mapping[str, str | Sequence[str]]
Request = TypeVar("Request", bound=msgspec.Struct)


def request_of(
    body: bytes | object = b"", *, content_type: str | None = None, query: Texts | None = None
) -> HttpRequest:
    """A request with this body: bytes as a photo, anything else as JSON."""
    if isinstance(body, bytes):
        data, kind = body, content_type or "image/jpeg"
    else:
        data, kind = json.dumps(body).encode(), content_type or "application/json"
    texts = [
        (name, text)
        for name, given in (query or {}).items()
        for text in ([given] if isinstance(given, str) else given)
    ]
    return HttpRequest("POST", "/v1/search", {}, texts, {"content-type": kind}, data)


def read(route: Route[Request, Any], request: HttpRequest) -> Request:
    """With the face in the path, where there is one."""
    params = {"face_id": FACE} if "{face_id}" in route.path else {}
    whole = HttpRequest(
        route.method, route.path, params, request.query, request.headers, request.body
    )
    return parse_request(route, whole)


def parse(
    body: bytes | object, *, content_type: str | None = None, query: Texts | None = None
) -> SearchRequest:
    """Read the search, and what it searches for."""
    request = read(SEARCH, request_of(body, content_type=content_type, query=query))
    assert request.queries
    return request


def field(name: str, value: bytes, *, file: str | None = None) -> bytes:
    """A part of a form, as browsers write it."""
    more = f'; filename="{file}"\r\nContent-Type: image/jpeg' if file is not None else ""
    head = f'Content-Disposition: form-data; name="{name}"{more}'
    return head.encode() + b"\r\n\r\n" + value


def form(*fields: bytes, boundary: str = "-----WebKit7MA4") -> dict[str, Any]:
    """A form as the arguments of `request_of`."""
    mark = f"--{boundary}".encode()
    body = b"".join(mark + b"\r\n" + each + b"\r\n" for each in fields) + mark + b"--\r\n"
    return {"body": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def searched(request: SearchRequest) -> Query:
    """The only thing that is searched for."""
    (query,) = request.queries
    return query


@pytest.mark.parametrize("query", [{"collection": "a\ufffd"}, {"metadata.\ufffd": "a"}])
def test_address_that_was_not_utf8_is_refused_as_gateways_hand_it_over(query: Texts) -> None:
    with pytest.raises(InvalidRequest, match="not UTF-8"):
        parse(PHOTO, query=query)
    body = {"photo": base64.b64encode(PHOTO).decode(), "collection": "a\ufffd"}
    assert parse(body).collection == "a\ufffd"


@pytest.mark.parametrize("kind", ["image/jpeg", "IMAGE/PNG", "application/octet-stream", "image/x"])
def test_bytes_are_the_photo(kind: str) -> None:
    assert parse(PHOTO, content_type=kind) == SearchRequest(photo=PHOTO)


def test_body_without_a_type_is_taken_for_a_photo() -> None:
    request = HttpRequest("POST", "/v1/search", {}, [], {}, b"hello")
    assert searched(parse_request(SEARCH, request)) == PhotoQuery(b"hello")


def test_type_counts_whatever_its_case_and_parameters() -> None:
    kind = "Application/JSON; charset=utf-8"
    assert searched(parse({"face_id": "x-0"}, content_type=kind)) == FaceQuery("x-0")


def data_url(photo: bytes) -> bytes:
    """As `FileReader.readAsDataURL` writes it."""
    return b"data:image/jpeg;base64," + base64.b64encode(photo)


def quoted_data_url(photo: bytes) -> bytes:
    """As in an address, where `+`, `/` and `=` have other meanings."""
    return b"data:image/jpeg;base64," + quote(base64.b64encode(photo), safe="").encode()


def unpadded(photo: bytes) -> bytes:
    return base64.urlsafe_b64encode(photo).rstrip(b"=")


@pytest.mark.parametrize(
    "encode",
    [
        *(base64.b64encode, base64.encodebytes, base64.urlsafe_b64encode),
        *(unpadded, data_url, quoted_data_url),
    ],
)
def test_photo_in_json_is_the_photo(encode: object) -> None:
    assert callable(encode)
    for photo in (PHOTO * 20, PHOTO * 20 + b"\xff", bytes(range(256))):
        assert searched(parse({"photo": encode(photo).decode()})) == PhotoQuery(photo)
        assert searched(parse({"photo": [encode(photo).decode()]})) == PhotoQuery(photo)


def test_key_and_face_id_name_what_is_stored() -> None:
    assert searched(parse({"s3_key": "a b/c.jpg"})) == BucketQuery("a b/c.jpg")
    assert searched(parse({"face_id": "0a-1"})) == FaceQuery("0a-1")


def test_options_may_stand_in_the_address_or_in_the_body() -> None:
    options = {"k": 7, "collection": "wedding", "metadata": {"album": "summer", "by": "Zoë"}}
    query = {"k": "7", "collection": "wedding", "metadata.album": "summer", "metadata.by": "Zoë"}
    assert parse(PHOTO, query=query) == msgspec.convert({"photo": PHOTO, **options}, SearchRequest)
    body = {"face_id": "x-0", **options}
    assert parse(body) == msgspec.convert(body, SearchRequest)
    mixed = parse({"face_id": "x-0", "k": 7}, query={"collection": "2024"})
    assert (mixed.k, mixed.collection) == (7, "2024")


@pytest.mark.parametrize("k", ["0", "101", "-1", "", "ten", "1.5", "٣", "9" * 5000])
def test_k_in_the_address_that_is_no_number_from_1_to_100_is_refused(k: str) -> None:
    with pytest.raises(InvalidRequest, match="k is"):
        parse(PHOTO, query={"k": k})


@pytest.mark.parametrize("k", [0, 101, -1, 1.5, True, "20", None, [1], 10**400])
def test_k_in_the_body_that_is_no_number_from_1_to_100_is_refused(k: object) -> None:
    with pytest.raises(InvalidRequest, match="k is"):
        parse({"face_id": "x-0", "k": k})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "nothing to search for was given"),
        ({"photo": []}, "0 of photo were given: send 1 to 10"),
        ({"k": 5}, "nothing to search for was given"),
        ({"face_id": ["x-0"] * 11}, "11 of face_id were given: send 1 to 10"),
        ({"face_id": ["x-0", 7]}, "face_id is not a text"),
        ({"photo": {"a": 1}}, "photo is not a text"),
        ([1], "not a JSON object"),
        ("text", "not a JSON object"),
        (None, "not a JSON object"),
        ({"photo": 7}, "photo is not a text"),
        ({"photo": ""}, "photo is not a text, or empty"),
        ({"photo": "é"}, "photo is not base64"),
        ({"photo": "a"}, "photo is not base64"),
        ({"photo": "%%%%"}, "photo is not base64"),
        ({"photo": "data:image/jpeg,%FF"}, "photo is a data URL that is not in base64"),
        ({"face_id": None}, "face_id is not a text"),
        ({"s3_key": "\ud800"}, "s3_key is not valid Unicode"),
        ({"face_id": "x-0", "colection": "a"}, "'colection' is not understood: use k, collection"),
        ({"face_id": "x-0", "collection": 1}, "collection is not a text"),
        ({"face_id": "x-0", "collection": None}, "collection is not a text"),
        ({"face_id": "x-0", "metadata": ["a"]}, "metadata is not an object"),
        ({"face_id": "x-0", "metadata": {"a": 1}}, r"metadata\.a is not a text"),
        (
            {"face_id": "x-0", "metadata": {str(n): "x" for n in range(600)}},
            "600 of metadata were given: send at most 100",
        ),
    ],
)
def test_body_that_is_not_a_search_is_named(body: object, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse(body)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000])
def test_body_that_is_not_json_is_named(text: bytes) -> None:
    with pytest.raises(InvalidRequest, match="not JSON"):
        parse(text, content_type="application/json")


@pytest.mark.parametrize("kind", ["text/html", "application/x-www-form-urlencoded", "nonsense"])
def test_body_of_another_type_is_refused_with_the_types_that_are_taken(kind: str) -> None:
    with pytest.raises(NotAnImage, match="send a photo as image/jpeg"):
        parse(PHOTO, content_type=kind)


def test_option_given_twice_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="'k' is given in the address and in the body"):
        parse({"face_id": "x-0", "k": 5}, query={"k": "6"})


def test_unknown_parameter_is_named() -> None:
    with pytest.raises(
        InvalidRequest, match="'limit' is not understood: use k, collection, metadata"
    ):
        parse(PHOTO, query={"limit": "5"})


OPTIONS = {
    "k": 7,
    "offset": 40,
    "max_distance": 0.9,
    "min_confidence": 0.5,
    "collection": "wedding",
    "metadata": {"album": "summer", "by": "Zoë"},
    "face": 2,
    "include": ["thumbnails", "photo_urls"],
    "expand": True,
}
TEXTS = {
    "k": "7",
    "offset": "40",
    "max_distance": "0.9",
    "min_confidence": "5e-1",
    "collection": "wedding",
    "metadata.album": "summer",
    "metadata.by": "Zoë",
    "face": "2",
    "include": "thumbnails,photo_urls",
    "expand": "true",
}


def test_all_options_mean_the_same_in_the_address_in_a_form_and_in_json() -> None:
    in_address = parse(PHOTO, query=TEXTS)
    assert in_address == msgspec.convert({"photo": PHOTO, **OPTIONS}, SearchRequest)
    assert in_address.include == ("thumbnails", "photo_urls")
    assert parse({"photo": base64.b64encode(PHOTO).decode(), **OPTIONS}) == in_address
    fields = [field(name, text.encode()) for name, text in TEXTS.items()]
    in_form = parse(**form(*fields, field("photo", PHOTO, file="a.jpg")))
    assert in_form == msgspec.structs.replace(in_address, photo=[PHOTO])


@pytest.mark.parametrize("face", ["largest", 0])
def test_largest_face_is_the_first(face: object) -> None:
    assert parse(PHOTO, query={"face": str(face)}).face_choice == 0
    assert parse({"s3_key": "a", "face": face}).face_choice == 0


def test_all_faces_may_be_asked_for() -> None:
    assert parse(PHOTO, query={"face": "all"}).face_choice == "all"
    assert parse({"s3_key": "a", "face": "all"}).face_choice == "all"


def test_nothing_may_be_included() -> None:
    assert parse(PHOTO, query={"include": ""}).include == ()
    assert parse({"face_id": "x-0", "include": []}).include == ()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("offset", "-1", "offset is -1: use 0 to 9900"),
        ("offset", "9901", "offset is 9901: use 0 to 9900"),
        ("offset", "1.0", r"offset is 1\.0: use a whole number"),
        ("max_distance", "-1", "max_distance is -1: use 0 to 999999"),
        ("max_distance", "nan", "max_distance is 'nan': use a number"),
        ("max_distance", "1_0", "max_distance is '1_0': use a number"),
        ("max_distance", "", "max_distance is '': use a number"),
        ("max_distance", "1e999", "max_distance is inf: use a number"),
        ("min_confidence", "-0.1", r"min_confidence is -0\.1: use 0 to 1"),
        ("min_confidence", "80%", "min_confidence is '80%': use a number"),
        ("face", "biggest", "face is 'biggest': use largest, all, or the index"),
        ("face", "-1", "face is -1: use largest, all, or the index"),
        ("face", "", "face is ''"),
        ("include", "boxes,vectors", "include has 'vectors': use boxes, thumbnails, photo_urls"),
        ("include", ",", "include has ''"),
        ("expand", "yes", "expand is 'yes': use true or false"),
        ("expand", "", "expand is '': use true or false"),
        ("collection", "", "collection is not a text, or empty"),
        ("metadata", "x", "metadata is not an object"),
        ("metadata.a", "", r"metadata\.a is not a text, or empty"),
        ("limit" * 99, "1", "'limitlimit[limt]*… is not understood"),
    ],
)
def test_text_that_is_no_value_of_its_option_is_named(name: str, text: str, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse(PHOTO, query={name: text})
    if text:
        with pytest.raises(InvalidRequest, match=message):
            parse(**form(field("photo", PHOTO, file="a"), field(name, text.encode())))


@pytest.mark.parametrize(
    "name",
    ["k", "collection", "min_confidence", "face", "expand", "metadata.a", "photo"],
)
def test_input_of_a_form_that_was_not_filled_in_counts_as_not_given(name: str) -> None:
    photo = field("photo", PHOTO, file="a.jpg")
    assert parse(**form(photo, field(name, b""))) == parse(**form(photo))
    filled = field("metadata.b", b"x")
    assert parse(**form(photo, field(name, b""), filled)) == parse(**form(photo, filled))


def test_input_that_was_not_filled_in_leaves_the_option_to_the_address() -> None:
    whole = form(field("photo", PHOTO, file="a"), field("metadata.a", b""), field("k", b""))
    request = parse(**whole, query={"metadata.a": "x", "k": "3"})
    assert (request.k, request.metadata) == (3, {"a": "x"})


def test_input_that_was_not_filled_in_and_is_unknown_is_named() -> None:
    with pytest.raises(InvalidRequest, match="'colection' is not understood"):
        parse(**form(field("photo", PHOTO, file="a"), field("colection", b"")))


def test_empty_list_in_a_form_is_one() -> None:
    fields = field("photo", PHOTO, file="a"), field("include", b"")
    assert parse(**form(*fields)).include == ()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("offset", "5", "offset is '5': use a whole number"),
        ("offset", True, "offset is True: use a whole number"),
        ("max_distance", "0.5", r"max_distance is '0\.5': use a number"),
        ("max_distance", False, "max_distance is False: use a number"),
        ("max_distance", None, "max_distance is None: use a number"),
        ("max_distance", float("nan"), "max_distance is nan: use a number"),
        ("max_distance", 10**400, "max_distance is 1000+…: use a number"),
        ("min_confidence", 1.01, r"min_confidence is 1\.01: use 0 to 1"),
        ("face", 1.0, r"face is 1\.0: use largest"),
        ("face", True, "face is True: use largest"),
        ("face", -1, "face is -1: use largest"),
        ("face", ["all"], r"face is \['all'\]: use largest"),
        ("expand", "true", "expand is 'true': use true or false"),
        ("expand", 1, "expand is 1: use true or false"),
        ("include", "boxes", "include is 'boxes': use a list"),
        ("include", [1], "include has 1: use boxes"),
        ("include", [["boxes"]], "include has"),
        ("include", {"boxes": 1}, "include is"),
    ],
)
def test_json_that_is_no_value_of_its_option_is_named(
    name: str, value: object, message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse({"s3_key": "a.jpg", name: value})


@pytest.mark.parametrize("names", [("metadata", "metadata.a"), ("metadata.a", "metadata")])
def test_text_for_all_metadata_is_refused_beside_its_entries(names: Sequence[str]) -> None:
    with pytest.raises(InvalidRequest, match=r"metadata is not an object.*: use metadata\.NAME"):
        parse(PHOTO, query=dict.fromkeys(names, "a"))


@pytest.mark.parametrize("name", ["k", "collection", "metadata.album", "include"])
def test_option_given_twice_in_the_address_or_in_a_form_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="is given twice: give it once"):
        parse(PHOTO, query={name: ["1", "1"]})
    with pytest.raises(InvalidRequest, match="is given twice: give it once"):
        parse(**form(field("photo", PHOTO, file="a"), field(name, b"1"), field(name, b"1")))


def test_option_in_the_address_and_in_a_form_is_refused() -> None:
    whole = form(field("photo", PHOTO, file="a"), field("k", b"3"))
    with pytest.raises(InvalidRequest, match="'k' is given in the address and in the body"):
        parse(**whole, query={"k": "3"})


@pytest.mark.parametrize(
    "photo",
    [
        PHOTO,
        b"",
        b"\r\n",
        b"\r\n--",
        b"line\r\nline\n\r\x00\xff",
        b"\r\n-----WebKit7MA",
        b"--" * 40,
        bytes(range(256)) * 2000,
    ],
)
def test_file_of_a_form_is_the_photo_whatever_its_bytes(photo: bytes) -> None:
    request = parse(**form(field("photo", photo, file="a.jpg"), field("k", b"5")))
    assert searched(request) == PhotoQuery(photo)
    assert request.k == 5


def test_photos_of_a_form_are_one_query_whether_named_files_or_not() -> None:
    photos = [b"one", b"two", b"three"]
    request = parse(**form(*(field("photo", each, file="") for each in photos)))
    assert request.queries == tuple(map(PhotoQuery, photos))
    assert parse(**form(*(field("photo", each) for each in photos))) == request


@pytest.mark.parametrize("encode", [data_url, quoted_data_url])
def test_text_of_a_form_may_be_a_data_url(encode: Callable[[bytes], bytes]) -> None:
    photo = PHOTO * 20
    assert searched(parse(**form(field("photo", encode(photo))))) == PhotoQuery(photo)
    # A file is taken as it is.
    in_file = parse(**form(field("photo", encode(photo), file="a.jpg")))
    assert searched(in_file) == PhotoQuery(encode(photo))
    both = form(field("one", encode(photo)), field("other", b"2", file="b"))
    assert compared(request_of(**both)) == (PhotoQuery(photo), PhotoQuery(b"2"))
    with pytest.raises(InvalidRequest, match="photo is a data URL that is not in base64"):
        parse(**form(field("photo", b"data:image/jpeg,%ff%d8")))


def test_quoted_boundary_preamble_and_epilogue_are_read() -> None:
    whole = form(field("photo", PHOTO, file="a"), boundary="a b?")
    body = b"an old mail reader\r\n" + whole["body"]
    kind = 'multipart/form-data; charset=utf-8; BOUNDARY="a b?"'
    assert searched(parse(body + b"epilogue", content_type=kind)) == PhotoQuery(PHOTO)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the form is not closed"),
        (b"--x\r\n" + field("photo", PHOTO, file="a"), "the form is not closed"),
        (b"--x\r\n" + field("photo", PHOTO, file="a") + b"\r\n--", "the form is not closed"),
        (b"--x\r\nphoto\r\n--x--", "the form is malformed"),
        (b"--xy\r\n\r\n\r\n--x--", "the form is malformed"),
        (
            b"--x\r\nContent-Type: image/png\r\n\r\nphoto\r\n--x--",
            "give each field a Content-Disposition",
        ),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--", "a field without a name"),
        (b"--x\r\n" + field("k", b"\xff") + b"\r\n--x--", "k is not text in UTF-8"),
        (b"--x\r\n" + field("picture", PHOTO, file="a") + b"\r\n--x--", "name it photo"),
        ((b"--x\r\n" + field("photo", b"") + b"\r\n") * 250 + b"--x--", "more than 200 fields"),
        (b"--x--", "nothing to search for"),
    ],
)
def test_form_that_cannot_be_read_is_named(body: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse(body, content_type="multipart/form-data; boundary=x")


def test_form_without_a_boundary_is_named() -> None:
    with pytest.raises(InvalidRequest, match="has no boundary: let your HTTP library"):
        parse(b"--x--", content_type="multipart/form-data")


def test_photos_keys_and_faces_may_be_mixed_up_to_ten() -> None:
    image = base64.b64encode(PHOTO).decode()
    request = parse({"photo": [image] * 4, "s3_key": ["a", "b"], "face_id": ["x-0"] * 4})
    assert request.queries == (
        *(PhotoQuery(PHOTO),) * 4,
        BucketQuery("a"),
        BucketQuery("b"),
        *(FaceQuery("x-0"),) * 4,
    )


@pytest.mark.parametrize("body", [{"face_id": "x-0"}, {"s3_key": ["a", "b"]}])
def test_face_is_chosen_in_one_photo_only(body: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest, match="face chooses among the faces of one photo"):
        parse({**body, "face": "all"})


def test_matches_of_a_stored_face_take_all_options_but_face() -> None:
    texts = {name: text for name, text in TEXTS.items() if name != "face"}
    options = {name: value for name, value in OPTIONS.items() if name != "face"}
    wanted = msgspec.convert({"face_id": FACE, **options}, MatchesRequest)
    assert read(MATCHES, request_of(query=texts)) == wanted
    with pytest.raises(InvalidRequest, match="'face' is not understood"):
        read(MATCHES, request_of(query=TEXTS))


def test_face_of_the_path_is_no_option() -> None:
    with pytest.raises(InvalidRequest, match="'face_id' is not understood"):
        read(MATCHES, request_of(query={"face_id": "x-0"}))
    with pytest.raises(InvalidRequest, match="'face_id' is not understood"):
        parse(PHOTO, query={"face_id": "x-0"})


def test_stored_face_takes_include_alone() -> None:
    request = read(FACE_ROUTE, request_of(query={"include": "photo_urls"}))
    assert (request.face_id, request.include) == (FACE, ("photo_urls",))
    with pytest.raises(InvalidRequest, match="'k' is not understood: use include"):
        read(FACE_ROUTE, request_of(query={"k": "5"}))


def detected(request: HttpRequest) -> DetectRequest:
    """Read, with one photo named."""
    wanted = read(DETECT, request)
    assert wanted.query
    return wanted


def test_photo_to_look_for_faces_in_may_come_in_any_way() -> None:
    image = base64.b64encode(PHOTO).decode()
    for request in (
        request_of(PHOTO),
        request_of({"photo": image}),
        request_of(**form(field("photo", PHOTO, file="a"))),
    ):
        assert detected(request).query == PhotoQuery(PHOTO)
    assert detected(request_of({"s3_key": "a"})).query == BucketQuery("a")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "nothing was given: send a photo, or JSON with photo or s3_key"),
        ({"s3_key": ["a", "b"]}, "s3_key is not a text"),
        ({"s3_key": "a", "photo": "aGk="}, "2 were given"),
        ({"face_id": "x-0"}, "'face_id' is not understood: use include, photo, s3_key"),
        ({"s3_key": "a", "k": 5}, "'k' is not understood: use include"),
    ],
)
def test_request_to_detect_that_is_none_is_named(body: object, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        detected(request_of(body))


def test_form_with_two_photos_where_one_is_taken_is_refused() -> None:
    whole = form(field("photo", b"1", file="a"), field("photo", b"2", file="b"))
    with pytest.raises(InvalidRequest, match="2 files are named photo: send exactly one"):
        detected(request_of(**whole))


def compared(request: HttpRequest) -> tuple[Query, Query]:
    """Both sides."""
    wanted: CompareRequest = read(COMPARE, request)
    return wanted.one.query("one"), wanted.other.query("other")


def test_two_faces_to_compare_come_as_json_or_in_a_form() -> None:
    queries = compared(request_of({"one": {"face_id": "x-0"}, "other": {"s3_key": "a"}}))
    assert queries == (FaceQuery("x-0"), BucketQuery("a"))
    image = {"photo": base64.b64encode(b"1").decode()}
    assert compared(request_of({"one": image, "other": {"s3_key": "a"}}))[0] == PhotoQuery(b"1")
    whole = form(field("other", b"2", file="b"), field("one", b"1", file="a"))
    assert compared(request_of(**whole)) == (PhotoQuery(b"1"), PhotoQuery(b"2"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "one and other are missing: send them"),
        ({"one": {"face_id": "x-0"}}, "other is missing: send it"),
        ({"one": {}, "other": {}}, "nothing was given: send one as one of photo, s3_key, face_id"),
        ({"one": "x-0", "other": {}}, "one is not an object: send one with photo or s3_key or"),
        (
            {"one": {"face_id": "x-0", "s3_key": "a"}, "other": {}},
            "2 were given: send one as one of",
        ),
        ({"one": {"face_id": 5}, "other": {}}, r"one\.face_id is not a text"),
        ({"one": {"face_id": "\ud800"}, "other": {}}, "not valid Unicode"),
        ({"one": {"photo": "%"}, "other": {}}, r"one\.photo is not base64"),
        (
            {"one": {"face_id": "x-0", "k": 5}, "other": {}},
            r"'one\.k' is not understood: use photo",
        ),
        (
            {"one": {"face_id": "x-0"}, "other": {"face_id": "x-0"}, "third": 3},
            "'third' is not understood: use one, other, include",
        ),
    ],
)
def test_request_to_compare_that_is_none_is_named(body: object, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        compared(request_of(body))


def test_single_photo_cannot_be_compared() -> None:
    with pytest.raises(NotAnImage, match="send JSON as application/json, or a form"):
        compared(request_of(PHOTO))
