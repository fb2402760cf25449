"""Mails that came back, as servers, providers and people write them. Holds no test."""

PATH = "bounce+token@lamps.example"


def dsn(status: str, action: str = "failed", diagnosis: str = "smtp; 550 no") -> bytes:
    """Return a report of RFC 3464 as a mail server writes it."""
    return f"""\
Return-Path: <>
Delivered-To: {PATH}
From: Mail Delivery System <MAILER-DAEMON@mx.example.org>
To: {PATH}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
Arrival-Date: Tue, 3 Mar 2026 09:12:00 +0000

Final-Recipient: rfc822; camille@example.org
Original-Recipient: rfc822;camille@example.org
Action: {action}
Status: {status}
Diagnostic-Code: {diagnosis}

--b
Content-Type: message/rfc822

From: Lamps <hello@lamps.example>
To: camille@example.org
Subject: How was it?

Hello
--b--
""".encode()


COMPLAINT = f"""\
From: feedback@isp.example
To: abuse@lamps.example
Subject: FW: How was it?
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an email abuse report.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <{PATH}>

--b
Content-Type: message/rfc822

Return-Path: <{PATH}>
From: Lamps <hello@lamps.example>
Subject: How was it?

Hello
--b--
""".encode()

OUT_OF_OFFICE = f"""\
From: Camille <camille@example.org>
To: {PATH}
Subject: Out of office: failed to deliver
Auto-Submitted: auto-replied (vacation)

I am away. <camille@example.org>: user unknown. Undeliverable until Monday.
""".encode()

QMAIL = f"""\
From: MAILER-DAEMON@mx.example.org
To: {PATH}
Subject: failure notice

Hi. This is the qmail-send program at mx.example.org.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<camille@example.org>:
Sorry, no mailbox here by that name. vpopmail (#5.1.1)

--- Below this line is a copy of the message.
""".encode()

LETTER = f"From: camille@example.org\nTo: {PATH}\nSubject: Re: How was it?\n\nFine, thank you!\n".encode()

NESTED = f"From: MAILER-DAEMON@mx.example.org\nTo: {PATH}\n".encode() + b"Content-Type: message/rfc822\n\n" * 1_000
"""A thousand mails, each inside the one before: Python's parser calls itself for each."""
