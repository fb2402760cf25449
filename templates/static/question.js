// The question on the company's own pages, below 5 kB packed: docs/web-question.md. The server decides who is asked. The
// tab keeps that it had its turn, where nobody is named, and how many pages were seen, where the visitor agreed.
(() => {
  "use strict";
  const me = document.currentScript, d = document, w = window, calls = w.Boucle || [];
  if (!me || !Array.isArray(calls) || !("adoptedStyleSheets" in d)) return;
  const base = new URL("../w/", me.src).href, site = me.dataset.site;
  let visitor = me.dataset.visitor, agreed = !("consent" in me.dataset), said = false;
  const SEEN = "boucle", PAGES = "boucle-pages";
  const stored = (act, ...more) => { try { return sessionStorage[act + "Item"](...more); } catch { /* none */ } };
  const remembers = () => visitor === "anonymous" && me.dataset.remember !== "no";
  const STYLE = `:host{all:initial!important;position:fixed!important;inset:auto 0 0!important;z-index:2147483000!important;
display:block!important;pointer-events:none!important}
*{box-sizing:border-box}
.box{pointer-events:auto;margin:12px;margin-inline-start:auto;max-inline-size:min(29em,100% - 24px);max-block-size:calc(100vh - 24px);overflow:auto;padding:16px;
font:medium/1.4 system-ui,sans-serif;color:#1b1b1f;background:#fff;border:1px solid #767680;border-radius:10px;
box-shadow:0 6px 24px #0004}
fieldset{border:0;margin:0;padding:0;min-inline-size:0}legend{padding:0;padding-inline-end:44px;font-weight:600;margin-block-end:10px}
.scale{display:flex;flex-wrap:wrap;gap:4px}label.n{position:relative;display:block}
.n input{position:absolute;inset:0;opacity:0;margin:0;inline-size:100%;block-size:100%}
.n span{display:grid;place-items:center;min-inline-size:33px;block-size:44px;border:1px solid #767680;border-radius:6px}
.n input:checked+span{background:#1b1b1f;color:#fff;font-weight:700;text-decoration:underline}
.n input:focus-visible+span,button:focus-visible,textarea:focus-visible{outline:3px solid #1b5fc1;outline-offset:2px}
.ends{display:flex;justify-content:space-between;gap:12px;margin:4px 0 0;font-size:.875em;color:#4a4a52}
textarea{display:block;inline-size:100%;margin:4px 0 10px;padding:8px;font:inherit;color:inherit;background:#fff;border:1px solid #767680;
border-radius:6px}
.why{display:block;margin-block-start:12px}
button{font:inherit;min-block-size:44px;min-inline-size:44px;border:1px solid #1b1b1f;border-radius:6px;background:#1b1b1f;color:#fff;padding:0 16px;
cursor:pointer}
.close{position:absolute;inset-block-start:-8px;inset-inline-end:-8px;background:#fff;color:#1b1b1f;border-color:#fff;padding:0;font-size:1.25em}
.later{background:#fff;color:#1b1b1f;margin-inline-start:8px}
.rel{position:relative}.msg{margin:8px 0 0;font-weight:600}.msg:empty{margin:0}
.live,.trap{position:absolute;inline-size:1px;block-size:1px;overflow:hidden;clip-path:inset(50%)}
@media(prefers-reduced-motion:no-preference){.box{animation:rise .2s}}@keyframes rise{from{transform:translateY(12px)}}
@media(forced-colors:active){.n input:checked+span{border-width:4px}}`;
  let config = null, on = false, turn = 0, asking = false, host = null, drop = null, early = [], undo = [], done = {};

  const post = (door, body) => fetch(base + door, {
    method: "POST", credentials: "omit", keepalive: true,
    headers: {"Content-Type": "application/json"}, body: JSON.stringify(body),
  });
  const listen = (target, name, act, more) => {
    target.addEventListener(name, act, more);
    return () => target.removeEventListener(name, act, more);
  };
  const tell = (name, detail) => d.dispatchEvent(new CustomEvent("boucle:" + name, {detail}));
  const make = (tag, more, ...inside) => {
    const node = Object.assign(d.createElement(tag), more);
    node.append(...inside);
    return node;
  };
  const here = () => location.pathname;
  const fits = p => p.endsWith("*") ? here().startsWith(p.slice(0, -1)) : here() === p;
  const allowed = () => !config.never.some(fits) && (!config.only.length || config.only.some(fits));

  // A moment has come: the server is asked after the delay, if the page is still the same.
  const offer = trigger => {
    if (!on) { early.push(trigger); return; }
    if (!config.triggers[trigger] || asking || host || done[trigger] || !allowed()) return;
    if (remembers() && trigger !== "call" && stored("get", SEEN)) return;
    done[trigger] = trigger === "scroll" || trigger === "exit"; // once a page
    asking = true;
    const timer = setTimeout(() => ask(trigger), config.delay * 1000);
    undo.push(() => { clearTimeout(timer); asking = false; });
  };
  const ask = async trigger => {
    const page = here(), mine = turn;
    try {
      const answer = await post("ask", {site, visitor, trigger, page, lang: d.documentElement.lang || navigator.language});
      if (remembers()) stored("set", SEEN, 1); // asked, or not drawn: once a visit
      if (answer.status === 200) {
        const words = await answer.json();
        if (on && mine === turn && !host && allowed()) show(words);
      }
    } catch { /* away: no broken box */ }
    asking = false;
  };

  const show = q => {
    const mine = {id: q.id, sig: q.sig, lang: q.lang};
    host = make("div", {popover: "manual"}); // above all that the page has
    const root = host.attachShadow({mode: "open"});
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const live = make("p", {className: "live", role: "status"});
    const before = d.activeElement;
    const scale = make("div", {className: "scale"});
    for (let n = q.from; n <= q.to; n++) {
      const end = n > q.from ? n < q.to ? "" : ", " + q.high : ", " + q.low;
      const radio = make("input", {type: "radio", name: "score", value: n});
      radio.setAttribute("aria-label", n + end);
      scale.append(make("label", {className: "n"}, radio, make("span", {ariaHidden: "true"}, n)));
    }
    const ends = make("p", {className: "ends", ariaHidden: "true"}, make("span", {}, q.from + " " + q.low), make("span", {}, q.to + " " + q.high));
    const text = make("textarea", {id: "why", rows: 3, maxLength: 5000});
    const trap = make("input", {className: "trap", name: "website", tabIndex: -1, autocomplete: "off", ariaHidden: "true"});
    const message = make("p", {className: "msg", role: "alert"});
    const form = make("form", {noValidate: true},
      make("fieldset", {}, make("legend", {}, q.question), scale, ends),
      make("label", {className: "why", htmlFor: "why"}, q.why), text, trap,
      make("button", {type: "submit"}, q.send), message);
    const shut = make("button", {type: "button", className: "close", ariaLabel: q.close}, "\u00d7");
    const later = make("button", {type: "button", className: "later"}, q.later);
    if (q.later) message.before(later);
    const box = make("section", {className: "box", lang: q.lang, dir: q.dir, ariaLabel: q.title},
      make("div", {className: "rel"}, form, shut));
    root.append(live, box);
    // Not within 1.5 seconds, and one after the other: an older word never overtakes a newer one.
    let answered = false, own = null, settle = 0, latest = new Promise(ready => setTimeout(ready, 1600)), off = [];
    const score = () => (form.querySelector("input:checked") || {}).value;
    const answer = () => post("answer", {...mine, score: +score(), comment: text.value, website: trap.value});
    const send = () => {
      clearTimeout(settle);
      settle = 0;
      return latest = latest.then(answer).then(got => {
        own = /<(.+)>/.exec(got.headers.get("Link")) || own; // of who has no name
        return got.ok ? "" : got.status === 410 ? q.gone : q.failed;
      }).catch(() => q.failed).then(fault => { message.textContent = fault; answered ||= !fault; return fault; });
    };

    drop = () => {
      const inside = root.activeElement;
      off.forEach(take => take());
      clearTimeout(settle);
      host.remove();
      host = drop = null;
      if (inside && before && before.focus) before.focus();
      tell("closed", {answered});
    };
    const close = how => {
      if (settle || !answered && score()) send();
      else if (!answered) post("closed", {...mine, how}).catch(() => {});
      drop();
    };
    listen(scale, "change", () => {
      later.remove();
      message.textContent = "";
      clearTimeout(settle);
      settle = setTimeout(send, 1600); // arrow keys move through the scale
    });
    listen(form, "submit", async event => {
      event.preventDefault();
      if (!score()) { message.textContent = q.choose; return; }
      message.textContent = q.sending;
      if (!await send()) {
        const inside = root.activeElement;
        const thanks = make("p", {tabIndex: -1}, q.thanks);
        if (own) thanks.append(" ", make("a", {href: own[1], target: "_blank", rel: "noopener"}, q.own));
        form.replaceWith(thanks);
        if (inside) thanks.focus();
        live.textContent = q.thanks;
      }
    });
    listen(shut, "click", () => close("button"));
    listen(later, "click", () => close("later"));
    // No shortcuts of the page
    for (const name of ["keydown", "keypress", "keyup"]) listen(box, name, event => {
      event.stopPropagation();
      if (name === "keydown" && event.key === "Escape") close("button");
    });
    // Above a phone's keyboard
    const view = w.visualViewport;
    const fit = () => {
      if (view.scale > 1.01) return;
      box.style.marginBlockEnd = Math.max(0, w.innerHeight - view.height - view.offsetTop) + 12 + "px";
      box.style.maxBlockSize = view.height - 24 + "px";
    };
    off.push(listen(view, "resize", fit), listen(view, "scroll", fit));
    off.push(listen(w, "pagehide", () => { if (settle) answer().catch(() => {}); }));
    d.body.append(host);
    if (host.showPopover) host.showPopover();
    fit();
    setTimeout(() => { live.textContent = q.opened; }, 100);
    post("shown", mine).catch(() => {});
    tell("shown");
  };

  let visible = 0, views = 0, path = "";
  const start = () => {
    const {time, scroll, exit, click} = config.triggers;
    visible = 0;
    done = {};
    if (path !== location.href) {
      path = location.href;
      views = 1 + (said ? +stored("get", PAGES) || 0 : views);
      if (said) stored("set", PAGES, views);
    }
    const second = setInterval(() => {
      if (d.visibilityState === "visible" && ++visible === time) offer("time");
    }, 1000);
    undo.push(() => clearInterval(second));
    if (config.triggers.views && views === config.triggers.views) offer("views");
    if (click) try {
      d.querySelector(click); // throws once, not at each click
      undo.push(listen(d, "click", e => { if (e.target.closest && e.target.closest(click)) offer("click"); }));
    } catch (e) { console.warn("Boucle:", e.message); }
    if (scroll || exit) {
      let y = w.scrollY, at = performance.now();
      undo.push(listen(w, "scroll", () => {
        const root = d.documentElement, room = root.scrollHeight - w.innerHeight, now = performance.now();
        if (scroll && root.scrollHeight >= 1.5 * w.innerHeight && w.scrollY / room * 100 >= scroll) offer("scroll");
        const fast = (y - w.scrollY) / (now - at) > 1.5;
        if (exit && fast && visible >= 15 && matchMedia("(hover:none)").matches) offer("exit");
        y = w.scrollY;
        at = now;
      }, {passive: true}));
    }
    if (exit) undo.push(listen(d.documentElement, "mouseleave", e => {
      if (e.clientY <= 0 && !e.relatedTarget && visible >= 5 && matchMedia("(hover:hover) and (pointer:fine)").matches) offer("exit");
    }));
  };
  const stop = () => { undo.forEach(take => take()); undo = []; };

  const go = async () => {
    if (on || !agreed || !site || !visitor || d.readyState !== "complete") return;
    const mine = ++turn;
    if (!config) try {
      const answer = await post("config", {site});
      if (!answer.ok) return;
      config = await answer.json();
      if (w.navigation) listen(w.navigation, "navigatesuccess", moved);
      else setInterval(moved, 1000);
    } catch { return; }
    if (mine !== turn) return;
    on = true;
    start();
    early.splice(0).forEach(offer);
  };
  const moved = () => {
    if (!on || location.href === path) return;
    stop();
    start();
  };
  const halt = () => {
    turn++;
    on = false;
    early = [];
    stop();
    if (drop) drop();
  };

  const api = w.Boucle = {
    ask: () => offer("call"),
    event: name => offer(name),
    visitor: token => { visitor = token; if (token) go(); else halt(); },
    consent: (...given) => {
      agreed = said = !given.length || given[0] === true;
      if (agreed) { go(); return; }
      halt();
      stored("remove", SEEN);
      stored("remove", PAGES);
    },
    push: (...more) => { for (const [name, ...values] of more) if (api[name]) api[name](...values); },
  };
  api.push(...calls);
  if (d.readyState === "complete") go();
  else listen(w, "load", go);
})();
