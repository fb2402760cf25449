"""Signing in with a company's account: the provider says who, Boucle says what; a claim alone opens nothing."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import parts
import pytest
import uvicorn
from staffparts import Team, words
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from webparts import Site

from workers.usecases.sign_in.accounts import Role

joserfc = pytest.importorskip("joserfc", reason="pip install 'boucle[oidc]'")
pytest.importorskip("authlib", reason="pip install 'boucle[oidc]'")

CLIENT = "boucle"


class Provider:
    """An identity provider of this test: a real one in all that a client sees, except that it asks nobody anything."""

    def __init__(self, port: int) -> None:
        from joserfc.jwk import RSAKey

        self.url = f"http://127.0.0.1:{port}"
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.claims: dict[str, object] = {"sub": "1", "email": "lea@example.org", "email_verified": True}
        self.audience = CLIENT
        self.nonces: dict[str, str] = {}
        self.verifiers: list[str] = []
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.describe),
                Route("/keys", self.keys),
                Route("/token", self.token, methods=["POST"]),
            ]
        )

    def describe(self, request: Request) -> Response:
        """Answer where everything is."""
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    def keys(self, request: Request) -> Response:
        """Answer the public key."""
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def token(self, request: Request) -> Response:
        """Answer a signed id token for a code."""
        from joserfc import jwt

        async with request.form() as form:
            code, verifier = str(form["code"]), str(form.get("code_verifier", ""))
        self.verifiers.append(verifier)
        now = int(time.time())
        claims = {"iss": self.url, "aud": self.audience, "iat": now, "exp": now + 60, "nonce": self.nonces[code]}
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, {**claims, **self.claims}, self.key)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "expires_in": 60, "id_token": signed})


@pytest.fixture
def provider() -> Iterator[Provider]:
    """Give a served identity provider."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Provider(port)
    server = uvicorn.Server(uvicorn.Config(made.app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    parts.poll(lambda: server.started, 20, "the identity provider")
    yield made
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def team(open_site: Callable[..., Site], provider: Provider) -> Team:
    """Give a site that knows the provider, and a person who signs in there."""
    made = Team(open_site(oidc_issuer=provider.url, oidc_client_id=CLIENT, oidc_client_secret="hush"))
    made.people.add("lea@example.org", Role.AGENT, by="test")
    return made


def leave(client: TestClient, provider: Provider, path: str = "/tickets/1") -> tuple[str, str]:
    """Leave for the provider, which says yes; return the state and the code that the browser brings back."""
    answer = client.get("/login/oidc/start", params={"next": path})
    assert answer.status_code == 302, answer.text
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["redirect_uri"] == ["http://127.0.0.1:8080/login/oidc/back"]
    assert asked["code_challenge_method"] == ["S256"]
    provider.nonces["yes"] = asked["nonce"][0]
    return asked["state"][0], "yes"


def test_a_known_person_signs_in_and_goes_on(team: Team, provider: Provider) -> None:
    """The verified address is the name that was added; the way goes on to the ticket."""
    client = team.client()
    assert "Sign in with your company" in words(client.get("/login").text)
    state, code = leave(client, provider)
    answer = client.get("/login/oidc/back", params={"state": state, "code": code})
    assert (answer.status_code, answer.headers["location"]) == (303, "/tickets/1")
    assert client.get("/inbox").status_code == 200
    assert provider.verifiers[0]


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "lea@example.org", "email_verified": False},
        {"email": "lea@example.org"},
        {"email": "other@example.org", "email_verified": True},
        {"preferred_username": "lea@example.org", "name": "lea@example.org"},
    ],
)
def test_a_name_that_people_choose_themselves_opens_nothing(
    team: Team, provider: Provider, claims: dict[str, object]
) -> None:
    """Only a verified address or the provider's own subject says who somebody is."""
    provider.claims = {"sub": "7", **claims}
    client = team.client()
    state, code = leave(client, provider)
    answer = client.get("/login/oidc/back", params={"state": state, "code": code})
    assert answer.status_code == 403
    assert "boucle users add" in answer.text
    assert client.get("/inbox").status_code == 303


def test_an_answer_that_was_not_asked_for_is_refused(team: Team, provider: Provider) -> None:
    """Another browser's answer, a forged state, a token for somebody else's client: none of them signs in."""
    client, other = team.client(), team.client()
    state, code = leave(client, provider)
    assert other.get("/login/oidc/back", params={"state": state, "code": code}).status_code == 502
    assert client.get("/login/oidc/back", params={"state": "forged", "code": code}).status_code == 502
    state, code = leave(client, provider)
    provider.audience = "another-client"
    assert client.get("/login/oidc/back", params={"state": state, "code": code}).status_code == 502
    assert client.get("/login/oidc/back", params={"error": "access_denied", "state": state}).status_code == 502
    assert client.get("/inbox").status_code == 303


def test_a_provider_that_is_away_leaves_the_password_login(open_site: Callable[..., Site]) -> None:
    """The page says so, and who has a password signs in."""
    team = Team(open_site(oidc_issuer="http://127.0.0.1:9", oidc_client_id=CLIENT))
    client = team.client()
    answer = client.get("/login/oidc/start")
    assert answer.status_code == 502
    assert "did not confirm who you are" in words(answer.text)
    assert team.client("Nadia").get("/inbox").status_code == 200


def test_without_a_provider_there_is_no_such_door(site: Site) -> None:
    """Nothing is shown and nothing answers."""
    assert site.client.get("/login/oidc/start").status_code == 404
    assert "company" not in site.client.get("/login").text
    assert site.client.get("/login/oidc/back").status_code == 404
