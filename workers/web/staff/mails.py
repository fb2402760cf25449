"""The mailbox, /mailbox: the mails that were written instead of sent, to be read and answered by clicking.

Only with the local mailbox, and only for this machine: the mails hold addresses and links that answer for people.
A mail's HTML stands in a frame of its own that can run nothing and load nothing.
"""

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from workers.adapters.file_mailbox import KeptMail, MailboxSender, OpenedMail
from workers.calendar import in_zone
from workers.domain.mail.translations import Catalog
from workers.errors import Never
from workers.web.http.answers.pages import pages_of
from workers.web.http.middleware.headers import policy
from workers.web.http.requests.clients import from_this_machine
from workers.web.http.requests.context import web_of
from workers.web.http.requests.parameters import parameters_of
from workers.web.http.requests.threads import run_in_threadpool
from workers.web.staff.frame import language_of, remember_language

A_PAGE = 50  # mails
SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
"""No scripts, no forms; links open in the whole window. The same origin lets our page measure the frame's height."""
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)


def mailbox_of(request: Request) -> MailboxSender:
    """Return the local mailbox; raise 404 when mails leave by SMTP, 403 for another machine."""
    web = web_of(request)
    if web.mailbox is None:
        raise HTTPException(404)
    if not from_this_machine(request, web):
        raise HTTPException(403)
    return web.mailbox


def opened(request: Request) -> OpenedMail:
    """Return the mail that the path names; raise 404 when there is none."""
    try:
        return mailbox_of(request).read(request.path_params["id"])
    except Never as error:
        raise HTTPException(404) from error


async def show_list(request: Request) -> Response:
    """Show the newest mails, one page of them."""
    box, pages = mailbox_of(request), pages_of(request)
    number = parameters_of(request).page()
    count = await run_in_threadpool(box.count)
    kept = await run_in_threadpool(box.list, A_PAGE, (number - 1) * A_PAGE)
    language = language_of(request)
    catalog = pages.catalog(language)
    lines = [line(request, mail, catalog) for mail in kept]
    values = {"mails": lines, "count": count, "number": number, "last": max(1, -(-count // A_PAGE))}
    return remember_language(request, pages.show(request, "mailbox.html", language, values))


async def show_mail(request: Request) -> Response:
    """Show one mail: as it looks, as plain text, and its headers."""
    mail, pages = await run_in_threadpool(opened, request), pages_of(request)
    language = language_of(request)
    values = {
        "mail": mail,
        "line": line(request, mail.kept, pages.catalog(language)),
        "sandbox": SANDBOX,
        "body": pages.url(f"/mailbox/{mail.kept.id}/body"),
        "raw": pages.url(f"/mailbox/{mail.kept.id}/raw"),
    }
    return remember_language(request, pages.show(request, "mail.html", language, values))


async def show_body(request: Request) -> Response:
    """Answer the HTML of one mail for its frame; its links open in the whole window."""
    mail = await run_in_threadpool(opened, request)
    logo = web_of(request).templates.brand.logo
    allowed = policy(
        default_src="'none'",
        script_src="'none'",
        style_src="'unsafe-inline'",
        img_src=f"data: {logo}".strip(),
        connect_src="'none'",
        frame_src="'none'",
        form_action="'none'",
        frame_ancestors="'self'",
        sandbox=SANDBOX,
    )
    html = _HEAD.sub(lambda head: f'{head[0]}<base target="_top">', mail.html, count=1)
    return HTMLResponse(html, headers={"Content-Security-Policy": allowed})


async def show_raw(request: Request) -> Response:
    """Answer the bytes of one mail, for a mail program."""
    mail = await run_in_threadpool(opened, request)
    headers = {"Content-Disposition": f'attachment; filename="{mail.kept.id}.eml"'}
    return Response(mail.raw, headers=headers, media_type="message/rfc822")


def line(request: Request, mail: KeptMail, catalog: Catalog) -> dict[str, object]:
    """Return what the list says of one mail, its time in the brand's zone."""
    zone = web_of(request).templates.brand.time_zone
    return {
        "url": pages_of(request).url(f"/mailbox/{mail.id}"),
        "to": mail.recipient or mail.to,
        "subject": mail.subject,
        "language": mail.language,
        "at": catalog.moment(in_zone(mail.at, zone)) if mail.at else "",
    }


routes = [
    Route("/mailbox", show_list, methods=["GET"]),
    Route("/mailbox/{id}", show_mail, methods=["GET"]),
    Route("/mailbox/{id}/body", show_body, methods=["GET"]),
    Route("/mailbox/{id}/raw", show_raw, methods=["GET"]),
]
