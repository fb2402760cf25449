"""Stylesheets, scripts and pictures from templates/static, read once and named by their content.

A name with the right hash may be kept for ever by browsers; any other is asked for again. Nothing here is built.
"""

import hashlib
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.adapters.resources import Data
from workers.web.http.answers.colours import stylesheet
from workers.web.http.requests.parameters import parameters_of

FOLDER = "templates/static"
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
BRAND = "brand.css"
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes, its kind and the hash of its content."""

    body: bytes
    kind: str
    hash: str


class Assets:
    """The files by name, with the brand's colours as a stylesheet of its own."""

    def __init__(self, data: Data, colour: str) -> None:
        files: dict[str, bytes] = {}
        for name in data.list(FOLDER):
            if _suffix(name) in KINDS:
                files[name] = data.read(f"{FOLDER}/{name}")
        self._files = {name: _asset(name, body) for name, body in files.items()}
        self.paint(colour)

    def paint(self, colour: str) -> None:
        """Use another colour of the brand from now on."""
        self._files = self._files | {BRAND: _asset(BRAND, stylesheet(colour).encode())}

    def path(self, name: str) -> str:
        """Return the path of a file with the hash of its content; raises KeyError for a file that is not there."""
        return f"/static/{name}?v={self._files[name].hash}"

    def get(self, name: str) -> Asset | None:
        """Return a file, or None for a name that is not there."""
        return self._files.get(name)


def _asset(name: str, body: bytes) -> Asset:
    return Asset(body, KINDS[_suffix(name)], hashlib.sha256(body).hexdigest()[:12])


def _suffix(name: str) -> str:
    return "." + name.rpartition(".")[2]


def show(request: Request) -> Response:
    """Answer one file, or that the browser's copy is still good."""
    asset = request.app.state.assets.get(request.path_params["name"])
    if asset is None:
        return Response("There is no such file.\n", 404, media_type="text/plain")
    kept = FOR_EVER if parameters_of(request).values.get("v") == asset.hash else "no-cache"
    headers = {"ETag": f'"{asset.hash}"', "Cache-Control": kept}
    if f'"{asset.hash}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(asset.body, headers=headers, media_type=asset.kind)


routes = [Route("/static/{name}", show, methods=["GET"])]
