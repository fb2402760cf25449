"""The check of every address before its page sees it: what no page could mean is answered here, with a sentence."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from workers.web.http.answers.problems import tell, tell_bad_address
from workers.web.http.requests.parameters import BadAddress, check_address, is_host


class ReadableAddress:
    """ASGI middleware that looks at every address before its page does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if not is_host(request.headers.get("host", "")):  # no page can be written for it: addresses are made of it
            await PlainTextResponse("The header Host is no host.\n", 400)(scope, receive, send)
            return
        try:
            check_address(scope["path"], scope.get("query_string", b""))
        except BadAddress as error:
            await tell_bad_address(request, error)(scope, receive, send)
        except HTTPException as error:
            await tell(request, error.status_code, error.detail)(scope, receive, send)
        else:
            await self._app(scope, receive, send)
