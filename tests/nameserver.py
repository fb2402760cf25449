"""A name server in this process, on UDP, that fails as real ones do: no such name, SERVFAIL, REFUSED, or silence."""

import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset

END = b"end"
Records = Mapping[tuple[str, str], Sequence[str]]


class NameServer:
    """Answers from `records`, by (name, type); names are absolute. `failing` names get a code, `silent` ones nothing.

    `asked` has every question in its order.
    """

    def __init__(
        self, records: Records, *, failing: Mapping[str, dns.rcode.Rcode] | None = None, silent: Sequence[str] = ()
    ) -> None:
        self.records = dict(records)
        self.failing = dict(failing or {})
        self.silent = set(silent)
        self.asked: list[tuple[str, str]] = []
        self._listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._listening.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
            ending.sendto(END, self._listening.getsockname())
        self._thread.join()
        self._listening.close()

    def resolver(self, seconds: float = 5.0) -> dns.resolver.Resolver:
        """Return a resolver that asks this server, for so long."""
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = self._listening.getsockname()[1]
        resolver.lifetime = seconds
        return resolver

    def _serve(self) -> None:
        while True:
            data, asker = self._listening.recvfrom(4096)
            if data == END:
                return
            question = dns.message.from_wire(data)
            name = question.question[0].name.to_text().lower()
            kind = dns.rdatatype.to_text(question.question[0].rdtype)
            self.asked.append((name, kind))
            if name in self.silent:
                continue
            answer = dns.message.make_response(question)
            answer.flags |= dns.flags.RA
            if name in self.failing:
                answer.set_rcode(self.failing[name])
            elif (name, kind) in self.records:
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *self.records[name, kind]))
            elif not any(record_name == name for record_name, _ in self.records):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self._listening.sendto(answer.to_wire(), asker)
