"""How to reach a Kafka cluster: the same connection, told to kafka-python and to Faust.

Refuses plain text off this machine. Opens nothing that stays open.
"""

import ipaddress
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypedDict

from workers.errors import Misconfigured, NotNow

ANSWER_SECONDS = 15.0


class Mechanism(StrEnum):
    """How a user proves itself to the cluster (SASL)."""

    SCRAM_SHA_512 = "SCRAM-SHA-512"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    PLAIN = "PLAIN"


@dataclass(frozen=True, slots=True)
class Cluster:
    """How to reach a Kafka cluster. With neither user nor `tls` the connection is plain text."""

    bootstrap: str
    tls: bool = False
    ca_file: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    mechanism: Mechanism = Mechanism.SCRAM_SHA_512
    allow_plaintext: bool = False

    @property
    def protocol(self) -> str:
        """Kafka's name for the kind of connection; a password never travels in plain text."""
        if self.user is not None:
            return "SASL_SSL"
        return "SSL" if self.tls else "PLAINTEXT"

    def faults(self) -> list[str]:
        """List what forbids connecting, each with what to do about it."""
        faults = []
        far = [host for host in hosts(self.bootstrap) if not is_loopback(host)]
        if self.protocol == "PLAINTEXT" and far and not self.allow_plaintext:
            faults.append(
                f"Kafka at {', '.join(far)} would be reached in plain text: set BOUCLE_KAFKA_TLS=1 or "
                "BOUCLE_KAFKA_USER, or say BOUCLE_KAFKA_ALLOW_PLAINTEXT=1 if the network between is yours alone."
            )
        if self.user is not None and not self.password:
            faults.append("BOUCLE_KAFKA_USER has no password: set BOUCLE_KAFKA_PASSWORD or BOUCLE_KAFKA_PASSWORD_FILE.")
        return faults


class ClientOptions(TypedDict, total=False):
    """What every kafka-python client is given."""

    bootstrap_servers: list[str]
    client_id: str
    security_protocol: str
    ssl_cafile: str
    sasl_mechanism: str
    sasl_plain_username: str
    sasl_plain_password: str


Address = str | Cluster


def hosts(bootstrap: str) -> list[str]:
    """Return the host names in a bootstrap list `host:port,host:port`."""
    return [server.strip().rpartition(":")[0].strip("[]") or server.strip() for server in bootstrap.split(",")]


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine; other names than localhost are not looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def options(address: Address, client: str = "boucle") -> ClientOptions:
    """Return kafka-python's options for an address; raise Misconfigured where a connection would be unsafe."""
    cluster = address if isinstance(address, Cluster) else Cluster(address)
    if faults := cluster.faults():
        raise Misconfigured(faults)
    chosen = ClientOptions(
        bootstrap_servers=[server.strip() for server in cluster.bootstrap.split(",")],
        client_id=client,
        security_protocol=cluster.protocol,
    )
    if cluster.ca_file is not None:
        chosen["ssl_cafile"] = cluster.ca_file
    if cluster.user is not None and cluster.password is not None:
        chosen["sasl_mechanism"] = cluster.mechanism.value
        chosen["sasl_plain_username"] = cluster.user
        chosen["sasl_plain_password"] = cluster.password
    return chosen


def credentials(cluster: Cluster) -> object | None:
    """Return what Faust wants for the same connection, None for plain text; raise Misconfigured like `options`."""
    from faust import SASLCredentials, SSLCredentials  # slow to import, and only the stream role needs it

    if faults := cluster.faults():
        raise Misconfigured(faults)
    if cluster.protocol == "PLAINTEXT":
        return None
    context = ssl.create_default_context(cafile=cluster.ca_file)
    if cluster.user is None:
        return SSLCredentials(context)  # type: ignore[no-any-return]  # untyped library
    return SASLCredentials(  # type: ignore[no-any-return]  # untyped library
        username=cluster.user, password=cluster.password, ssl_context=context, mechanism=cluster.mechanism.value
    )


def reach(servers: Sequence[str], seconds: float) -> None:
    """Raise NotNow at once when nobody listens at any of the servers.

    kafka-python would try for its whole patience, and then leave its sockets open.
    """
    faults = []
    for server in servers:
        host, _, port = server.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=seconds).close()
            return
        except (OSError, ValueError) as fault:
            faults.append(f"{server}: {fault}")
    raise NotNow(
        f"Kafka does not answer ({'; '.join(faults)}). Check BOUCLE_KAFKA_BOOTSTRAP and that the broker is up."
    )
