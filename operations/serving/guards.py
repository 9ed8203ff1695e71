"""Guard: refuses requests before their body is read, and answers those that a shutdown cuts off."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from operations.serving.access import Access
from operations.serving.answers import error_response


class Guard:
    """ASGI middleware that responds to requests that `Access` refuses, and to those cut off by a shutdown.

    Parameters
    ----------
    application : ASGI application
    access : Access
    """

    def __init__(self, application: ASGIApp, access: Access) -> None:
        self.application = application
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        headers = Headers(scope=scope)
        if "transfer-encoding" in headers and "content-length" in headers:
            # A proxy may see a different end of the body, and take the rest for another client's request.
            response = error_response(
                "Transfer-Encoding and Content-Length: only one of them may be given; leave one out",
                400,
                {"Connection": "close"},
            )
            await response(scope, receive, send)
            return
        refused = self.access.refuse(scope["path"], headers)
        if refused is not None:
            await refused(scope, receive, send)
            return
        try:
            await self.application(scope, receive, send)
        except asyncio.CancelledError:
            # The shutdown timeout has passed, and a request whose body has not arrived is still unanswered.
            await error_response("the server ends; try again later", 503)(scope, receive, send)
