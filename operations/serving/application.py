"""Application: the endpoints, each of which returns JSON."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version as installed_version

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from operations.serving.access import Access
from operations.serving.answers import RequestError, error_response, json_response
from operations.serving.champion import Champion
from operations.serving.guards import Guard
from operations.serving.requests import largest_body

BODY_SECONDS = 20.0
"""Seconds within which the body of a request must arrive."""


def build_application(name: str, champion: Callable[[], Champion], access: Access) -> Guard:
    """Return the ASGI application.

    Parameters
    ----------
    name : str
        Name of the configuration.
    champion : callable
        Returns the model in use; called once per request, in a thread.
    access : Access
    """
    # Forecasts hold the GIL most of the time, so more threads than cores would not help.
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    application = Starlette(
        routes=[
            Route("/invocations", partial(_answer, pool, champion), methods=["POST"]),
            Route("/health", _health, methods=["GET"]),
            Route("/ping", _health, methods=["GET"]),
            Route("/version", partial(_version, pool, name, champion), methods=["GET"]),
        ],
        exception_handlers={
            RequestError: _on_request_error,
            HTTPException: _on_http_error,
            Exception: _on_fault,
        },
    )
    application.router.redirect_slashes = False
    return Guard(application, access)


async def _answer(pool: ThreadPoolExecutor, champion: Callable[[], Champion], request: Request) -> Response:
    _check_content_type(request)
    loop = asyncio.get_running_loop()
    served = await loop.run_in_executor(pool, champion)
    body = await _read_body(request, largest_body(served.model))
    predictions = await loop.run_in_executor(pool, served.answer, body)
    return json_response({"predictions": predictions}, headers={"Tangency-Run": served.run})


async def _health(request: Request) -> Response:
    return json_response({"status": "ok"})


async def _version(
    pool: ThreadPoolExecutor, name: str, champion: Callable[[], Champion], request: Request
) -> Response:
    served = await asyncio.get_running_loop().run_in_executor(pool, champion)
    return json_response(
        {
            "tangency": installed_version("tangency"),
            "model": name,
            "run": served.run,
            "trained_to": served.trained_to,
        }
    )


def _check_content_type(request: Request) -> None:
    kind, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.strip().replace('"', "")
    if kind.strip() != "application/json" or charset not in ("", "charset=utf-8"):
        raise RequestError("Content-Type: expected application/json in UTF-8; send the table as JSON", 415)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RequestError("Content-Encoding: compressed bodies are not read; send plain JSON", 415)


async def _read_body(request: Request, limit: int) -> bytes:
    """Return the body; refuse one that is too large or arrives too slowly."""
    too_long = RequestError(
        f"body: longer than {limit} bytes, which hold all assets of the model; send one row per asset", 413
    )
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:20]) > limit:
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise too_long
    except TimeoutError as error:
        raise RequestError(
            f"body: not complete after {BODY_SECONDS:g} seconds; send it again", 408, {"Connection": "close"}
        ) from error
    except ClientDisconnect as error:
        raise RequestError("body: the connection was closed before its end; send it again") from error
    return bytes(body)


async def _on_request_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestError):
        raise error
    return error_response(str(error), error.status, error.headers)


async def _on_http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    known = "POST /invocations, GET /health, GET /ping, GET /version"
    wrong = "method" if error.status_code == 405 else "path"
    return error_response(f"{wrong}: not known; expected {known}", error.status_code, error.headers)


async def _on_fault(request: Request, error: Exception) -> Response:
    # Starlette raises the error again afterwards, so the traceback is in the server's log on stderr.
    return error_response("a fault of the server; its log says more", 500)
