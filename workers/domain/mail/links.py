"""Sign and read the links that stand in mails: a token says one purpose and one random id, nothing else.

How long a link lives is decided by the row it names, never by the token. Forged, foreign and damaged tokens look
alike: None. Nothing here reads settings or a clock.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import quote
from uuid import UUID

from itsdangerous import BadData, Serializer, Signer, URLSafeSerializer
from itsdangerous.encoding import base64_encode

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
"""A UUID as Python writes it."""
UUID_BYTES = 16
_RETURN_PATH_MAC_BYTES = 10  # 80 bits: the local part of an address ends at 64 octets (RFC 5321, 4.5.3.1.1)
AFTER_A_LINK = ")>]}.,;:!?'\"*|\\\u00bb\u201d\u2019\u203a\u2026\u3002\u3001\uff09\u300d\u00a0\u200b "
"""What may stand behind a link in a text; no token ends so."""


class _IdBytes:
    """Write a UUID as its 16 bytes and any other text after a zero byte, so that tokens in mails stay short."""

    @staticmethod
    def dumps(value: object) -> bytes:
        text = str(value)
        if _CANONICAL.fullmatch(text):
            return bytes.fromhex(text.replace("-", ""))
        body = b"\0" + text.encode()
        return b"\0" + body if len(body) == 16 else body

    @staticmethod
    def loads(body: bytes) -> str:
        return str(UUID(bytes=body)) if len(body) == 16 else body.lstrip(b"\0").decode()


class _EvenSerializer(URLSafeSerializer):
    """Write texts of one length as tokens of one length, and never packed, which saves a byte or none by chance.

    Packed tokens, as they were written before, are still read.
    """

    def dump_payload(self, obj: object) -> bytes:
        return base64_encode(Serializer.dump_payload(self, obj))


class Links:
    """Sign with the first key and accept every key of the list, so that a key can be changed without dead links."""

    def __init__(self, keys: Sequence[str], public_url: str) -> None:
        if not keys or not all(keys):
            raise ValueError("links need at least one key, and no empty one")
        self._keys = tuple(reversed(keys))  # itsdangerous signs with the last and tries all
        self._base = public_url.rstrip("/")
        self._serializers: dict[str, _EvenSerializer] = {}
        self._signing: dict[str, hmac.HMAC] = {}
        """What begins a signature of each purpose: deriving its key costs more than signing with it."""
        self._last: dict[str, tuple[str, str]] = {}
        """The last token of each purpose, with its id: a mail has one in its head and in its words."""

    @property
    def base(self) -> str:
        """Return the public address that every link starts with, without a slash at its end."""
        return self._base

    def sign(self, purpose: str, id: str) -> str:
        """Return a URL-safe token for one purpose; the same input gives the same token."""
        id_before, token = self._last.get(purpose, ("", ""))
        if token and id_before == id:
            return token
        if purpose not in self._signing:
            key = self._serializer(purpose).make_signer().derive_key()
            self._signing[purpose] = hmac.new(key, digestmod="sha256")
        payload = base64_encode(_IdBytes.dumps(id))
        mac = self._signing[purpose].copy()
        mac.update(payload)
        token = f"{payload.decode()}.{base64_encode(mac.digest()).decode()}"
        self._last[purpose] = id, token
        return token

    def read(self, purpose: str, token: str) -> str | None:
        """Return the id that was signed for this purpose, or None for anything else.

        Punctuation that a mail program took for a part of the link is no part of the token.
        """
        try:
            return str(self._serializer(purpose).loads(token.rstrip(AFTER_A_LINK)))
        except (BadData, ValueError):
            return None

    def answer_url(self, request_id: str, score: int | None = None) -> str:
        """Return the address of the answer page of a survey request, with a score preselected where given."""
        url = f"{self._base}/a/{self.sign('answer', request_id)}"
        return url if score is None else f"{url}?score={score}"

    def unsubscribe_url(self, dispatch_id: str) -> str:
        """Return the opt-out address of one mail: page on GET, opt-out at once on POST (RFC 8058)."""
        return f"{self._base}/u/{self.sign('unsubscribe', dispatch_id)}"

    def testimonial_url(self, response_id: str) -> str:
        """Return the address of the page where a promoter writes, shows, corrects or withdraws a testimonial."""
        return f"{self._base}/t/{self.sign('testimonial', response_id)}"

    def improvement_url(self, response_id: str) -> str:
        """Return the address of the page with the one question what could be better."""
        return f"{self._base}/i/{self.sign('improvement', response_id)}"

    def place_url(self, place: str) -> str:
        """Return the address at which anybody answers at a place; it stays the same, so it can be printed."""
        return f"{self._base}/p/{self.sign('place', place)}"

    def claim_url(self, dispatch_id: str) -> str:
        """Return the address where the owner of a mailbox says whether an answer is theirs."""
        return f"{self._base}/c/{self.sign('claim', dispatch_id)}"

    def given_url(self, answer_id: str) -> str:
        """Return the address where whoever answered without a name reads, changes or deletes the answer."""
        return f"{self._base}/g/{self.sign('given', answer_id)}"

    def reopen_url(self, dispatch_id: str) -> str:
        """Return the address where a customer says that what a mail calls done is not solved."""
        return f"{self._base}/r/{self.sign('reopen', dispatch_id)}"

    def ticket_url(self, number: int) -> str:
        """Return the address of a ticket; the page asks for a login."""
        return f"{self._base}/tickets/{number}"

    def return_path(self, dispatch_id: str, domain: str) -> str:
        """Return the envelope sender of one mail (VERP), in lower case: some servers fold the local part.

        The token is the id's 16 bytes and 80 bits of HMAC-SHA-256 in base32, because a token of `sign` is longer
        than the 64 octets that RFC 5321 allows before the @. Raises ValueError when the id is no UUID.
        """
        body = _IdBytes.dumps(dispatch_id)
        if len(body) != UUID_BYTES:
            body = UUID(dispatch_id).bytes
        mac = _return_path_mac(self._keys[-1], body)
        return f"bounce+{base64.b32encode(body + mac).decode().rstrip('=').lower()}@{domain}"

    def read_return_path(self, address: str) -> str | None:
        """Return the dispatch id that a return path names, or None for an address that we did not make."""
        local = address.strip().strip("<>").rpartition("@")[0]
        head, plus, token = local.lower().partition("+")
        if head != "bounce" or not plus:
            return None
        try:
            raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        except ValueError:
            return None
        body, mac = raw[:16], raw[16:]
        if len(mac) != _RETURN_PATH_MAC_BYTES:
            return None
        good = [hmac.compare_digest(mac, _return_path_mac(key, body)) for key in self._keys]
        return str(UUID(bytes=body)) if any(good) else None

    def _serializer(self, purpose: str) -> _EvenSerializer:
        if purpose not in self._serializers:
            self._serializers[purpose] = _EvenSerializer(
                list(self._keys),
                salt=f"boucle.{purpose}",
                serializer=_IdBytes,
                signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
            )
        return self._serializers[purpose]


def _return_path_mac(key: str, body: bytes) -> bytes:
    mac = _return_path_signing(key).copy()
    mac.update(body)
    return mac.digest()[:_RETURN_PATH_MAC_BYTES]


@lru_cache(maxsize=16)
def _return_path_signing(key: str) -> hmac.HMAC:
    signer = Signer(key, salt="boucle.return_path", digest_method=hashlib.sha256, key_derivation="hmac")
    return hmac.new(signer.derive_key(), digestmod="sha256")


def crm_link(pattern: str, crm_id: str) -> str:
    """Return where the CRM shows a customer: `{id}` of the setting filled in; empty where either is unknown."""
    return pattern.replace("{id}", quote(crm_id, safe="")) if crm_id else ""
