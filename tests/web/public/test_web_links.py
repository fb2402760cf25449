"""The pages behind the other links in mails: opt-out, improvement, testimonial."""

import re

from webparts import Site

from workers.domain.records import Consent, Customer, Dispatch, Response, Testimonial

UNKNOWN = "0195f2a0-0000-8000-8000-000000000001"
WORDS = "I was looking for a warm light and found it."


def nonce(html: str) -> dict[str, str]:
    """Return the nonce of a page's form."""
    field = re.search(r'name="nonce" value="([^"]+)"', html)
    assert field is not None
    return {"nonce": field[1]}


def opt_out(site: Site) -> str:
    """Have a customer asked, and return the path of the opt-out link."""
    site.ask()
    return site.link(
        "unsubscribe", next(dispatch for dispatch in site.rows(Dispatch) if dispatch.template == "ask-delivery").id
    )


def improvement(site: Site) -> str:
    """Have a passive asked what could be better, and return the path of the link."""
    site.answered(8)
    return site.link("improvement", site.rows(Response)[0].id)


def words_wanted(site: Site) -> str:
    """Have a promoter asked for a testimonial, and return the path of the link."""
    site.answered(9, language="en", may_promote=True)
    site.pass_time(days=10)
    return site.link("testimonial", site.rows(Response)[0].id)


def test_opening_the_opt_out_link_changes_nothing(site: Site) -> None:
    """A scanner that opens the link stops nobody's mail."""
    path = opt_out(site)
    for method in ("GET", "HEAD"):
        assert site.client.request(method, path).status_code == 200
    assert site.rows(Customer)[0].opted_out_at is None


def test_the_one_click_post_opts_out_at_once_without_a_redirect(site: Site) -> None:
    """RFC 8058: no page, no cookie, no nonce, and both ways of writing the form."""
    path = opt_out(site)
    assert site.client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert site.rows(Customer)[0].opted_out_at is not None
    multipart = site.client.post(path, files={"List-Unsubscribe": (None, "One-Click")})
    assert multipart.status_code == 200
    assert "Ne plus" in multipart.text
    assert "C&#39;est fait" in site.client.get(path).text
    assert {str(dispatch.state) for dispatch in site.rows(Dispatch) if dispatch.template == "reminder"} == {"cancelled"}


def test_unknown_links_look_alike_on_every_page(site: Site) -> None:
    """Forged, foreign and unknown links are answered with the same page."""
    site.ask()
    pages = set()
    for purpose in ("unsubscribe", "improvement", "testimonial"):
        for path in (site.link(purpose, UNKNOWN), f"/{purpose[0]}/forged"):
            for method in ("GET", "POST"):
                answer = site.client.request(method, path)
                assert answer.status_code == 404
                pages.add(re.sub(r'href="[^"]*lang=en"', "", answer.text))
    assert len(pages) == 1


def test_an_improvement_is_kept_with_the_response_and_may_change(site: Site) -> None:
    """One sentence from a passive; a later one replaces it; the page shows what is kept."""
    path = improvement(site)
    shown = site.client.get(path)
    assert "Votre note" in shown.text
    answer = site.client.post(path, data={**nonce(shown.text), "improvement": "Deliver <b>faster</b>"})
    assert answer.status_code == 303
    after = site.client.get(answer.headers["location"]).text
    assert "Merci" in after
    assert "Deliver &lt;b&gt;faster&lt;/b&gt;</textarea>" in after
    site.client.post(path, data={"improvement": "Deliver on Saturdays"})
    assert site.rows(Response)[0].improvement == "Deliver on Saturdays"


def test_an_empty_or_forged_improvement_is_told_in_place(site: Site) -> None:
    """Nothing written is said so; a forged form keeps its text; neither is stored."""
    path = improvement(site)
    assert "Écrivez au moins un mot" in site.client.post(path, data={"improvement": "  "}).text
    forged = site.client.post(path, data={"nonce": "x", "improvement": "kept"})
    assert (forged.status_code, "kept</textarea>" in forged.text) == (403, True)
    assert site.client.post(path, data={"improvement": "x" * 5_001}).status_code == 400
    assert site.rows(Response)[0].improvement == ""


def test_a_testimonial_is_published_by_consent_alone(site: Site) -> None:
    """Without the tick nothing is publishable and the words are kept in the form; with it the feed has them."""
    path = words_wanted(site)
    shown = site.client.get(path)
    assert 'value="Camille Roux"' in shown.text
    data = {**nonce(shown.text), "wording": WORDS, "name": "Camille Roux", "place": "Lyon", "act": "publish"}
    refused = site.client.post(path, data={**data, "scope": "first_name_and_text"})
    assert refused.status_code == 400
    assert f"{WORDS}</textarea>" in refused.text
    assert site.client.get("/v1/testimonials").json() == {"testimonials": []}
    assert site.rows(Consent) == []
    agreed = site.client.post(path, data={**data, "scope": "first_name_and_text", "consent": "yes"})
    assert agreed.status_code == 303
    page = site.client.get(agreed.headers["location"]).text
    assert WORDS in page
    assert "<figcaption>Camille, Lyon</figcaption>" in page
    (entry,) = site.client.get("/v1/testimonials").json()["testimonials"]
    assert (entry["wording"], entry["shown_name"], entry["place"]) == (WORDS, "Camille", "Lyon")
    assert (entry["scope"], entry["language"]) == ("first_name_and_text", "en")
    (consent,) = site.rows(Consent)
    assert (consent.given, consent.scope) == (True, "first_name_and_text")


def test_a_published_testimonial_can_be_withdrawn_for_ever(site: Site) -> None:
    """Withdrawing takes it from the feed at once, keeps a record, and the page says so."""
    path = words_wanted(site)
    site.client.post(path, data={"wording": WORDS, "scope": "text_only", "consent": "yes"})
    assert site.client.get("/v1/testimonials").json()["testimonials"][0]["shown_name"] == ""
    site.pass_time(days=400)
    assert site.client.post(path, data={"act": "withdraw"}).status_code == 303
    assert site.client.get("/v1/testimonials").json() == {"testimonials": []}
    assert "is withdrawn" in site.client.get(path).text
    assert [consent.given for consent in sorted(site.rows(Consent), key=lambda consent: consent.at)] == [True, False]


def test_a_refusal_is_a_record(site: Site) -> None:
    """`Do not publish` needs no text and no tick."""
    path = words_wanted(site)
    assert site.client.post(path, data={"act": "refuse"}).status_code == 303
    assert str(site.rows(Testimonial)[0].state) == "refused"
    assert "nothing will be published" in site.client.get(path).text


def test_a_name_is_needed_only_where_it_is_shown(site: Site) -> None:
    """An empty name is told in place; without a name to show it is not asked for."""
    path = words_wanted(site)
    data = {"wording": WORDS, "name": "", "consent": "yes"}
    nameless = site.client.post(path, data={**data, "scope": "name_and_text"})
    assert (nameless.status_code, 'id="name-fault"' in nameless.text) == (400, True)
    assert site.client.post(path, data={**data, "scope": "text_only"}).status_code == 303


def test_hostile_words_are_text_on_the_page_and_in_the_feed(site: Site) -> None:
    """Markup in a testimonial is shown as it was typed, and a forged form publishes nothing."""
    path = words_wanted(site)
    hostile = "<script>alert(1)</script>"
    site.client.post(path, data={"wording": hostile, "name": hostile, "consent": "yes"})
    assert "<script>alert" not in site.client.get(path).text
    assert site.client.get("/v1/testimonials").json()["testimonials"][0]["wording"] == hostile
    forged = site.client.post(path, data={"act": "withdraw"}, headers={"origin": "https://evil.example"})
    assert forged.status_code == 403
    assert str(site.rows(Testimonial)[0].state) == "consented"


def test_web_sites_may_read_the_feed_from_a_page(site: Site) -> None:
    """The feed is open to other origins and is not kept for long."""
    answer = site.client.get("/v1/testimonials", headers={"origin": "https://shop.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "max-age=60" in answer.headers["cache-control"]


def test_the_opt_out_page_says_whose_address_it_is(site: Site) -> None:
    """Masked, before and after: who was passed the mail sees that it is not theirs, and learns no address."""
    path = opt_out(site)
    for shown in (site.client.get(path).text, site.client.post(path).text):
        assert "4…@e…org" in shown
        assert "42@example.org" not in shown


def test_who_opens_the_improvement_later_reads_only_how_it_begins(site: Site) -> None:
    """The link may have been passed on: the sentence itself is shown to whoever just wrote it."""
    path = improvement(site)
    answer = site.client.post(path, data={"improvement": "Deliver to my new flat in Cahors"})
    assert "flat in Cahors" in site.client.get(answer.headers["location"]).text
    later = site.client.get(path).text
    assert "Cahors" not in later
    assert "Deliver…" in later
