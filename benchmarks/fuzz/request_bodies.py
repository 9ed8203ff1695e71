"""Mutations around the table of a request: of the object that holds the table, of the body, and of the headers."""

from __future__ import annotations

from served import COLUMNS

from benchmarks.fuzz.request_tables import Draft, Mutation, Rng


def send_another_type(draft: Draft, rng: Rng) -> None:
    draft.headers["content-type"] = str(
        rng.choice(["", "text/plain", "text/csv", "application/json; charset=latin-1", "application/jsonx"])
    )


def compress(draft: Draft, rng: Rng) -> None:
    draft.headers["content-encoding"] = str(rng.choice(["gzip", "br", "deflate, gzip"]))


def name_another_host(draft: Draft, rng: Rng) -> None:
    hosts = [
        "evil.example",
        "",
        "localhost.evil.example",
        "127.0.0.1.nip.io:5001",
        "[::2]",
        "localhost:port",
        "@",
    ]
    draft.headers["host"] = str(rng.choice(hosts))


def name_another_origin(draft: Draft, rng: Rng) -> None:
    draft.headers["origin"] = str(
        rng.choice(["null", "https://evil.example", "http://localhost:1", "", "://"])
    )


def ask_another_path(draft: Draft, rng: Rng) -> None:
    draft.path = str(
        rng.choice(["/", "/invocation", "/invocations/", "/..", "//invocations", "/\x00", "/docs"])
    )


def use_another_method(draft: Draft, rng: Rng) -> None:
    draft.method = str(rng.choice(["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "INVOKE"]))


def announce_too_much(draft: Draft, rng: Rng) -> None:
    draft.headers["content-length"] = str(rng.choice(["9" * 15, "1e3", "-1", "99999999999999999999999"]))


def change_the_object(draft: Draft, rng: Rng) -> None:
    whole = draft.content
    table = next(iter(whole.values()))
    draft.content = [
        whole | {"unknown": 1},
        whole | {"params": {"a": 1}},
        whole | {"dataframe_split": table, "dataframe_records": table},
        {"inputs": table},
        {"instances": table},
        table,
        [whole],
        None,
        "text",
        3,
        {},
        dict.fromkeys(whole),
        {name: [table] for name in whole},
        {name: [[1]] for name in whole},
        {name: {"columns": list(COLUMNS)} for name in whole},
        {name: {"data": []} for name in whole},
    ][int(rng.integers(16))]


def nest_deeply(draft: Draft, rng: Rng) -> None:
    depth = int(rng.choice([900, 5_000, 100_000]))
    opening, closing = [(b"[", b"]"), (b'{"a":', b"}")][int(rng.integers(2))]
    deep = opening * depth + b"1" + closing * depth
    draft.body = deep if rng.random() < 0.5 else b'{"dataframe_split": ' + deep + b"}"


def repeat_a_key(draft: Draft, rng: Rng) -> None:
    draft.body = b'{"params": null, "params": null, ' + draft.body[1:]


def make_it_huge(draft: Draft, rng: Rng) -> None:
    draft.body = draft.body + b" " * 2**20


def cut_the_body(draft: Draft, rng: Rng) -> None:
    draft.body = draft.body[: int(rng.integers(len(draft.body) - 1))]


def change_the_encoding(draft: Draft, rng: Rng) -> None:
    text = draft.body.decode()
    draft.body = [
        text.encode("utf-16"),
        b"\xef\xbb\xbf" + draft.body,
        b"\xff" + draft.body,
        text.encode("utf-32"),
    ][int(rng.integers(4))]


OUTSIDE: tuple[Mutation, ...] = (
    send_another_type,
    compress,
    name_another_host,
    name_another_origin,
    ask_another_path,
    use_another_method,
    announce_too_much,
    change_the_object,
    nest_deeply,
    repeat_a_key,
    make_it_huge,
    cut_the_body,
    change_the_encoding,
)


def change_bytes(draft: Draft, rng: Rng) -> None:
    """Change some bytes of the body; a later check decides whether it is still a table."""
    body = bytearray(draft.body)
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(len(body)))
        kind = int(rng.integers(3))
        if kind == 0:
            body[place] = int(rng.integers(256))
        elif kind == 1:
            body.insert(place, int(rng.choice(list(b'0123456789.-e",:[]{} \\'))))
        else:
            del body[place : place + int(rng.integers(1, 5))]
    draft.body = bytes(body)
