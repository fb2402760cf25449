"""Signing in with a company's own account (OpenID Connect), where the settings name an identity provider.

The provider says who somebody is, Boucle what they may do: the person must have been added, under the mail address that
the provider has verified, or under its subject. A name that people choose themselves proves nothing. Authlib does the
protocol; it is the extra `oidc`.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.errors import Misconfigured
from workers.settings import Settings
from workers.usecases.sign_in.access_log import Access
from workers.usecases.sign_in.accounts import Accounts, User
from workers.web.http.requests.context import Web, web_of
from workers.web.http.requests.parameters import LONGEST_VALUE, parameters_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.auth.login import onward, open_session, with_session
from workers.web.staff.frame import access_log_of, go, login_page, people_of, secure

log = logging.getLogger(__name__)
COOKIE = "boucle_oidc"
COOKIE_LASTS = 600
"""Seconds between leaving for the provider and coming back."""
NEXT = "next"


def set_up(app: Starlette, settings: Settings) -> None:
    """Make the client of the identity provider where one is set; raises Misconfigured when it cannot work."""
    app.state.oidc = None
    if not settings.oidc_issuer:
        return
    if not settings.oidc_client_id:
        raise Misconfigured(["BOUCLE_OIDC_ISSUER needs BOUCLE_OIDC_CLIENT_ID: our id at the identity provider"])
    try:
        from authlib.integrations.starlette_client import OAuth  # an extra: most installations have no provider
    except ImportError as error:
        raise Misconfigured(["BOUCLE_OIDC_ISSUER needs a library: pip install 'boucle[oidc]'"]) from error
    app.state.oidc = OAuth().register(
        "provider",
        server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value() or None,
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
    )


def client_of(request: Request) -> Any:
    """Return the client of the identity provider; raises 404 where none is set."""
    if request.app.state.oidc is None:
        raise HTTPException(404)
    return request.app.state.oidc


async def start(request: Request) -> Response:
    """Send the browser to the identity provider; what must match on the way back stays in a signed cookie."""
    client, web = client_of(request), web_of(request)
    request.scope["session"] = {NEXT: parameters_of(request).text(NEXT, LONGEST_VALUE)}
    try:
        answer: Response = await client.authorize_redirect(request, f"{web.links.base}/login/oidc/back")
    except Exception as error:  # whatever the network or the provider does, a person gets a page
        return await failed(request, error)
    kept = web.links.sign("oidc", json.dumps(request.session))
    answer.set_cookie(COOKIE, kept, max_age=COOKIE_LASTS, secure=secure(web), httponly=True, samesite="lax")
    return answer


async def back(request: Request) -> Response:
    """Take what the provider says, and sign in whom Boucle knows."""
    client = client_of(request)
    request.scope["session"] = kept_session(web_of(request), request.cookies.get(COOKIE, ""))
    try:
        token = await client.authorize_access_token(request)
    except Exception as error:  # a refused, forged or late answer ends here too
        return await failed(request, error)
    claims: Mapping[str, object] = token.get("userinfo") or {}
    user = await run_in_threadpool(user_of_claims, people_of(request), claims)
    if user is None:
        await run_in_threadpool(access_log_of(request).note, Access.SIGN_IN, "no_user")
        return await run_in_threadpool(login_page, request, problem="staff.login.no-user", status=403)
    session = await run_in_threadpool(open_session, request, user, "oidc")
    answer = with_session(request, go(request, onward(user, str(request.session.get(NEXT, "")))), session)
    answer.delete_cookie(COOKIE, secure=secure(web_of(request)), httponly=True, samesite="lax")
    return answer


def kept_session(web: Web, cookie: str) -> dict[str, object]:
    """Return what was kept when the browser left for the provider; nothing for a cookie that is not ours."""
    text = web.links.read("oidc", cookie) if cookie else None
    session = json.loads(text) if text else {}
    return session if isinstance(session, dict) else {}


def user_of_claims(people: Accounts, claims: Mapping[str, object]) -> User | None:
    """Return the person whom the provider's claims are about, or None.

    Only a verified address counts (OpenID Connect Core 1.0, 5.7: no other claim than `sub` is sure to be one person's).
    """
    if claims.get("email_verified") is True and claims.get("email"):
        user = people.find(str(claims["email"]))
        if user is not None:
            return user
    return people.find(str(claims.get("sub") or ""))


async def failed(request: Request, error: Exception) -> Response:
    """Show the login page again; the log says what kind of failure it was, without what the provider sent."""
    log.warning("signing in by OIDC failed", extra={"action": "login.oidc", "error": type(error).__name__})
    await run_in_threadpool(access_log_of(request).note, Access.SIGN_IN, "oidc_failed")
    return await run_in_threadpool(login_page, request, problem="staff.login.oidc-failed", status=502)


routes = [
    Route("/login/oidc/start", start, methods=["GET"]),
    Route("/login/oidc/back", back, methods=["GET"]),
]
