"""A mail server on this machine that keeps every mail in a Maildir: the machine's postfix, else our own catcher.

No mail leaves the machine: postfix gets a configuration of its own, in which every domain is delivered to one folder.
"""

import importlib.util
import os
import pwd
import shutil
import smtplib
import subprocess
import sys
from pathlib import Path

from workers.devservices.places import Account, Running, free_port, is_root, launch, place, until
from workers.errors import Misconfigured, NotNow

START_SECONDS = 30.0
MAIL_FOLDER = "mail"

# `refused-...` and `later-...` let a run see a real server say 5xx and 4xx.
MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file_prefixes = {directory}
maillog_file = {directory}/postfix.log
myhostname = localhost.localdomain
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = static:all
virtual_mailbox_base = {directory}
virtual_mailbox_maps = static:mail/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_mailbox_limit = 0
virtual_destination_concurrency_limit = 20
smtpd_delay_reject = yes
smtpd_helo_required = yes
smtpd_recipient_restrictions =
    check_recipient_access regexp:{{
        {{ /^refused-/ 550 5.1.1 No such mailbox }}
        {{ /^later-/ 450 4.2.1 Mailbox busy, try again later }} }},
    permit_mynetworks, reject
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
smtputf8_enable = yes
disable_dns_lookups = yes
in_flow_delay = 0s
"""

MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def start(home: Path) -> Running:
    """Start a mail server for `home` and wait until it greets. Raises Misconfigured when there is none to start."""
    if is_root() and has_postfix():
        return start_postfix(home)
    if importlib.util.find_spec("aiosmtpd") is not None:
        return start_catcher(home)
    raise Misconfigured(
        ["There is no mail server to start: pip install -e '.[services]' in the checkout, or set BOUCLE_SMTP_URL."]
    )


def has_postfix() -> bool:
    """Tell whether the machine has postfix and its account; its main program can only be started by root."""
    return shutil.which("postfix") is not None and any(entry.pw_name == "postfix" for entry in pwd.getpwall())


def start_catcher(home: Path) -> Running:
    """Start our own catcher as a process of its own."""
    directory = place(home, "smtp", None)
    port, log = free_port(), directory / "catcher.log"
    mails = directory / MAIL_FOLDER
    pid = launch([sys.executable, "-m", "workers.devservices.catcher", str(port), str(mails)], log)
    part = Running(f"smtp://127.0.0.1:{port}", pid, str(mails), "aiosmtpd", str(directory), str(log))
    until(lambda: answers(port), part, seconds=START_SECONDS)
    return part


def start_postfix(home: Path) -> Running:
    """Start a postfix of our own beside any that the machine runs: own port, queue, log and mail folder.

    Raises NotNow.
    """
    owner = pwd.getpwnam("postfix")
    account = Account(owner.pw_uid, owner.pw_gid)
    directory = place(home, "postfix", account)
    port, log = free_port(), directory / "postfix.log"
    configuration = directory / "configuration"
    for folder in ("queue", "data", "configuration", MAIL_FOLDER):
        (directory / folder).mkdir(exist_ok=True)
    for folder in ("data", MAIL_FOLDER):
        os.chown(directory / folder, account.uid, account.gid)
    (configuration / "main.cf").write_text(
        MAIN_CF.format(directory=directory, uid=account.uid, gid=account.gid), encoding="utf-8"
    )
    (configuration / "master.cf").write_text(MASTER_CF.format(port=port), encoding="utf-8")
    os.chown(directory, 0, 0)  # postfix wants its folders to be root's
    done = subprocess.run(["postfix", "-c", str(configuration), "start"], capture_output=True, text=True, check=False)
    pid_file = directory / "queue" / "pid" / "master.pid"
    if done.returncode != 0 or not pid_file.exists():
        raise NotNow(f"Postfix did not start: {done.stdout}{done.stderr}See {log}.")
    pid = int(pid_file.read_text())
    part = Running(f"smtp://127.0.0.1:{port}", pid, "master", "postfix", str(directory), str(log))
    until(lambda: answers(port), part, seconds=START_SECONDS)
    return part


def answers(port: int) -> bool:
    """Tell whether a mail server greets on loopback `port`."""
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
            return client.noop()[0] == 250
    except (OSError, smtplib.SMTPException):
        return False
