"""Which IP addresses belong to the open internet: where a webhook may go without the operator's word.

The lists are IANA's special-purpose registries (RFC 6890 and what was added since), written out: the standard
library's own answer changes with its version. IPv6 is public only inside 2000::/3, so that what is not assigned yet is
refused. Nothing here resolves a name.
"""

import ipaddress

_PRIVATE_V4 = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # this network (RFC 791); Linux takes 0.0.0.0 for this machine
        "10.0.0.0/8",
        "100.64.0.0/10",  # behind a carrier's translator (RFC 6598)
        "127.0.0.0/8",
        "168.63.129.16/32",  # a public number that answers inside one cloud only, with that machine's secrets
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_PRIVATE_V6 = tuple(
    ipaddress.IPv6Network(net)
    for net in (
        "2001::/23",  # protocol assignments: Teredo carries an IPv4 address (RFC 4380), ORCHID leads nowhere
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 carries an IPv4 address (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # upper half of an interface id that carries an IPv4 address (RFC 5214)


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the open internet, not of this machine, this network or a translator.

    What is no address, or an IPv6 address that carries an IPv4 one (mapped, compatible, NAT64, 6to4, Teredo, ISATAP),
    is not: the carried address is what would be reached.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in net for net in _PRIVATE_V4)
    if ip.scope_id is not None or ip not in _GLOBAL_V6:
        return False
    return not any(ip in net for net in _PRIVATE_V6) and (int(ip) >> 32) & 0xFFFF_FFFF not in _ISATAP
