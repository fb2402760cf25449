"""Settings as the values that parts take: keys, the broker, waits, sending, where returned mails lie."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workers.adapters import kafka
from workers.adapters.home import ID_SECRET, SIGNING_SECRET, Home
from workers.settings import Settings
from workers.store.patience import Patience

if TYPE_CHECKING:  # as in `parts`
    from workers.app.files import Files
    from workers.usecases.bounces.collection import Place
    from workers.usecases.delivery.send_controls import Sending


def given_keys(settings: Settings) -> list[str]:
    """Return the keys of BOUCLE_SECRET, the one that signs first."""
    return [key.strip() for key in settings.secret.get_secret_value().split(",") if key.strip()]


def id_keys(settings: Settings) -> list[str]:
    """Return the keys that ids may derive from, the one that a new database is begun with first; there may be none.

    BOUCLE_ID_SECRET alone where it is set. Else the key that was kept at the first start; the keys of BOUCLE_SECRET,
    because 0.1.0 took the last one; and the secret that 0.1.0 made up. The database says which one it is.
    """
    given = settings.id_secret.get_secret_value()
    if given:
        return [given]
    home = Home(settings.home)
    keys = [home.secret(ID_SECRET), *reversed(given_keys(settings)), home.secret(SIGNING_SECRET)]
    return list(dict.fromkeys(key for key in keys if key))


def kafka_of(settings: Settings) -> kafka.Cluster | None:
    """Return how to reach Kafka, or None without a broker."""
    if not settings.kafka_bootstrap:
        return None
    return kafka.Cluster(
        bootstrap=settings.kafka_bootstrap,
        tls=settings.kafka_tls,
        ca_file=settings.kafka_ca_file or None,
        user=settings.kafka_user or None,
        password=settings.kafka_password.get_secret_value() or None,
        mechanism=kafka.Mechanism(settings.kafka_mechanism),
        allow_plaintext=settings.kafka_allow_plaintext,
    )


def topic_names(settings: Settings, wanted: Sequence[kafka.Topic]) -> list[str]:
    return kafka.topic_names(settings.topic_prefix, wanted)


def patience_of(settings: Settings) -> Patience:
    """Return how long each wait for PostgreSQL lasts."""
    return Patience(
        connect=settings.database_connect_seconds,
        statement=settings.database_statement_seconds,
        lock=settings.database_lock_seconds,
        idle=settings.database_idle_seconds,
        silence=settings.database_silence_seconds,
    )


def sending_of(settings: Settings, files: "Files") -> "Sending":
    """Return what the settings say of sending; what stays on this machine is never held.

    Files are read where mails or SMS leave it. Raises Misconfigured.
    """
    from workers.text.mail_addresses import mailbox
    from workers.usecases.delivery.send_controls import Sending

    blocked = held = ""
    if settings.reaches_people:
        samples = files.sample_values(files.brand)
        if samples:
            held_back = ", ".join(samples)
            blocked = f"templates/brand.yaml still holds sample values ({held_back}): write your own, then start again."
        if settings.sending == "held":
            held = "sending starts held; look at `boucle send --preview`, then `boucle resume` or BOUCLE_SENDING=on."
    return Sending(
        blocked=blocked,
        held=held,
        per_day=settings.mail_per_day,
        per_second=settings.mail_per_second,
        only_to=frozenset(mailbox(address) for address in settings.mail_only_to.split(",") if address.strip()),
        redirect=settings.mail_redirect,
    )


def returned_mail(address: str) -> "Place":
    """Return the place of returned mails at an address: a path, or imaps://...; raises BadInput or Misconfigured."""
    from workers.adapters.imap_folder import SCHEMES, ImapFolder
    from workers.adapters.returned_mails import place_at

    if address.partition("://")[0] in SCHEMES:
        return ImapFolder.parse(address)
    return place_at(Path(address))
