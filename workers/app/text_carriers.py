"""BOUCLE_SMS_URL: which carrier, with which account, from which sender."""

from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from workers.adapters.sms.file_carrier import FileCarrier
from workers.errors import Misconfigured
from workers.usecases.sms.carrier import TextCarrier

FORMS = {
    "file": "file:",
    "twilio": "twilio://ACCOUNT_SID:AUTH_TOKEN@SENDER",
    "ovh": "ovh://APPLICATION_KEY:APPLICATION_SECRET@SERVICE?consumer=CONSUMER_KEY",
    "brevo": "brevo://any:API_KEY@SENDER",
    "vonage": "vonage://API_KEY:API_SECRET@SENDER?signature=SIGNATURE_SECRET",
}
"""How the setting is written for each carrier; a + in a sender's number stands as it is."""
LONGEST_NAME = 11
"""Signs of a sender that is a name: nobody can answer one."""


def kind_of(url: str) -> str:
    """Return the carrier that a setting names; empty where it names none."""
    kind = url.partition(":")[0].strip().lower()
    return kind if kind in FORMS else ""


def carrier_of(url: str, door: str, home: Path) -> TextCarrier:
    """Return the carrier that a setting names; `door` is the address in public at which it tells us things.

    Raises Misconfigured, and never repeats what may be a secret.
    """
    kind = kind_of(url)
    if not kind:
        forms = ", ".join(FORMS.values())
        raise Misconfigured([f"BOUCLE_SMS_URL names no carrier that is known; write one of {forms}."])
    if kind == "file":
        return FileCarrier(home / "sms.jsonl")
    try:
        parts = urlsplit(url)
        user, secret = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        user = secret = ""
        parts = SplitResult("", "", "", "", "")
    sender = unquote(parts.netloc.rpartition("@")[2])
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    option = {"ovh": "consumer", "vonage": "signature"}.get(kind, "")
    if not (user and secret and sender) or (option and not options.get(option)):
        raise Misconfigured([f"BOUCLE_SMS_URL is not complete; write {FORMS[kind]}."])
    if kind == "twilio":  # each brings an HTTP client: who keeps messages in a file loads none
        from workers.adapters.sms.twilio import Twilio

        return Twilio(user, secret, sender, door)
    if kind == "ovh":
        from workers.adapters.sms.ovh import Ovh

        return Ovh(user, secret, options["consumer"], sender)
    if kind == "brevo":
        from workers.adapters.sms.brevo import Brevo

        return Brevo(secret, sender, door)
    from workers.adapters.sms.vonage import Vonage

    return Vonage(user, secret, options["signature"], sender, door)
