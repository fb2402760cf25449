// The question on the company's own pages. One file, no build step, below 5 kB packed: docs/web-question.md tells how to
// embed it. Whether anybody is asked, the server decides. Nothing is stored in the browser, but for a visitor without a
// name that the question stood here: until the tab is closed, and not with data-remember="no".
(() => {
  "use strict";
  const me = document.currentScript, d = document, w = window;
  if (!me || w.Boucle || !("adoptedStyleSheets" in d)) return;
  const base = new URL("../w/", me.src).href, site = me.dataset.site, visitor = me.dataset.visitor;
  const remembers = visitor === "anonymous" && me.dataset.remember !== "no";
  const seen = mark => { try { return mark ? sessionStorage.setItem("boucle", 1) : sessionStorage.getItem("boucle"); } catch { /* none */ } };
  const STYLE = `:host{all:initial!important;position:fixed!important;inset:auto 0 0!important;z-index:2147483000!important;
display:block!important;pointer-events:none!important}
*{box-sizing:border-box}
.box{pointer-events:auto;margin:12px;margin-inline-start:auto;max-inline-size:min(29rem,100% - 24px);max-block-size:calc(100vh - 24px);overflow:auto;padding:16px;
font:16px/1.4 system-ui,sans-serif;color:#1b1b1f;background:#fff;border:1px solid #767680;border-radius:10px;
box-shadow:0 6px 24px #0004}
fieldset{border:0;margin:0;padding:0;min-inline-size:0}legend{padding:0;padding-inline-end:44px;font-weight:600;margin-block-end:10px}
.scale{display:flex;flex-wrap:wrap;gap:4px}label.n{position:relative;display:block}
.n input{position:absolute;inset:0;opacity:0;margin:0;inline-size:100%;block-size:100%}
.n span{display:grid;place-items:center;min-inline-size:33px;block-size:44px;border:1px solid #767680;border-radius:6px}
.n input:checked+span{background:#1b1b1f;color:#fff;font-weight:700;text-decoration:underline}
.n input:focus-visible+span,button:focus-visible,textarea:focus-visible{outline:3px solid #1b5fc1;outline-offset:2px}
.ends{display:flex;justify-content:space-between;gap:12px;margin:4px 0 0;font-size:14px;color:#4a4a52}
textarea{display:block;inline-size:100%;margin:4px 0 10px;padding:8px;font:inherit;color:inherit;background:#fff;border:1px solid #767680;
border-radius:6px}
.why{display:block;margin-block-start:12px}
button{font:inherit;min-block-size:44px;min-inline-size:44px;border:1px solid #1b1b1f;border-radius:6px;background:#1b1b1f;color:#fff;padding:0 16px;
cursor:pointer}
.close{position:absolute;inset-block-start:-8px;inset-inline-end:-8px;background:#fff;color:#1b1b1f;border-color:#fff;padding:0;font-size:20px}
.rel{position:relative}.msg{margin:8px 0 0;font-weight:600}.msg:empty{margin:0}.trap{position:absolute;left:-9999px}
.live{position:absolute;inline-size:1px;block-size:1px;overflow:hidden;clip-path:inset(50%)}
@media(prefers-reduced-motion:no-preference){.box{animation:rise .2s}}@keyframes rise{from{transform:translateY(12px)}}
@media(forced-colors:active){.n input:checked+span{border-width:4px}}`;
  let config = null, asking = false, host = null, early = [], undo = [];

  const post = (door, body) => fetch(base + door, {
    method: "POST", credentials: "omit", keepalive: true,
    headers: {"Content-Type": "application/json"}, body: JSON.stringify(body),
  });
  const tell = (name, detail) => d.dispatchEvent(new CustomEvent("boucle:" + name, {detail}));
  const make = (tag, more, ...inside) => {
    const node = Object.assign(d.createElement(tag), more);
    node.append(...inside);
    return node;
  };
  const here = () => location.pathname;
  const fits = p => p.endsWith("*") ? here().startsWith(p.slice(0, -1)) : here() === p;
  const allowed = () => !config.never.some(fits) && (!config.only.length || config.only.some(fits));

  // A moment has come: after the delay the server is asked, if the page is still the same.
  const offer = trigger => {
    if (!config) { early.push(trigger); return; }
    if (!config.triggers[trigger] || asking || host || !allowed() || remembers && trigger !== "call" && seen()) return;
    asking = true;
    const timer = setTimeout(() => ask(trigger), config.delay * 1000);
    undo.push(() => { clearTimeout(timer); asking = false; });
  };
  const ask = async trigger => {
    const page = here();
    try {
      const answer = await post("ask", {site, visitor, trigger, page, lang: d.documentElement.lang || navigator.language});
      if (answer.status === 200) {
        const words = await answer.json();
        if (!host) show(words);
      }
    } catch { /* away: no broken box */ }
    asking = false;
  };

  const show = q => {
    const mine = {id: q.id, sig: q.sig, lang: q.lang};
    host = d.createElement("div");
    const root = host.attachShadow({mode: "open"});
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const live = make("p", {className: "live", role: "status"});
    const before = d.activeElement;
    const scale = make("div", {className: "scale"});
    const first = q.from ?? 0, last = q.to ?? 10;
    for (let n = first; n <= last; n++) {
      const end = n > first ? n < last ? "" : ", " + q.high : ", " + q.low;
      const radio = make("input", {type: "radio", name: "score", value: n});
      radio.setAttribute("aria-label", n + end);
      scale.append(make("label", {className: "n"}, radio, make("span", {ariaHidden: "true"}, n)));
    }
    const ends = make("p", {className: "ends", ariaHidden: "true"}, make("span", {}, first + " " + q.low), make("span", {}, last + " " + q.high));
    const text = make("textarea", {id: "why", rows: 3, maxLength: 5000});
    const trap = make("input", {className: "trap", name: "website", tabIndex: -1, autocomplete: "off", ariaHidden: "true"});
    const message = make("p", {className: "msg", role: "alert"});
    const form = make("form", {noValidate: true},
      make("fieldset", {}, make("legend", {}, q.question), scale, ends),
      make("label", {className: "why", htmlFor: "why"}, q.why), text, trap,
      make("button", {type: "submit"}, q.send), message);
    const shut = make("button", {type: "button", className: "close", ariaLabel: q.close}, "\u00d7");
    const box = make("section", {className: "box", lang: q.lang, dir: q.dir, ariaLabel: q.title},
      make("div", {className: "rel"}, form, shut));
    root.append(live, box);
    let answered = false, own = null, latest = Promise.resolve(true);
    const score = () => (form.querySelector("input:checked") || {}).value;

    const close = () => {
      const inside = root.activeElement;
      host.remove();
      host = null;
      if (inside && before && before.focus) before.focus();
      if (!answered) post("closed", {...mine, how: "button"}).catch(() => {});
      tell("closed", {answered});
    };
    // One after the other, so that an older word never overtakes a newer one.
    const send = () => latest = latest.then(() => post("answer", {...mine, score: +score(), comment: text.value, website: trap.value}))
      .then(answer => {
        own = /<(.+)>/.exec(answer.headers.get("Link") || "") || own; // of who has no name
        return answer.ok || answer.status === 410;
      }).catch(() => false).then(ok => { answered ||= ok; return ok; });
    let settle;
    scale.addEventListener("change", () => {
      message.textContent = "";
      clearTimeout(settle);
      settle = setTimeout(send, 1600); // arrow keys move through the scale
    });
    form.addEventListener("submit", async event => {
      event.preventDefault();
      clearTimeout(settle);
      if (!score()) { message.textContent = q.choose; return; }
      message.textContent = "";
      if (await send()) {
        const inside = root.activeElement;
        const thanks = make("p", {tabIndex: -1}, q.thanks);
        if (own) thanks.append(" ", make("a", {href: own[1], target: "_blank", rel: "noopener"}, q.own));
        form.replaceWith(thanks);
        if (inside) thanks.focus();
        live.textContent = q.thanks;
      } else message.textContent = q.failed;
    });
    shut.addEventListener("click", close);
    box.addEventListener("keydown", event => { if (event.key === "Escape") { event.stopPropagation(); close(); } });
    d.body.append(host);
    setTimeout(() => { live.textContent = q.opened; }, 100);
    post("shown", mine).catch(() => {});
    if (remembers) seen(true);
    tell("shown");
  };

  // The moments that a site has switched on; each gives back how it is taken away again.
  const on = (target, name, act, more) => {
    target.addEventListener(name, act, more);
    return () => target.removeEventListener(name, act, more);
  };
  let visible = 0, views = 0;
  const start = () => {
    const {time, scroll, exit, click} = config.triggers;
    visible = 0;
    views++;
    const second = setInterval(() => {
      if (d.visibilityState === "visible" && ++visible === time) offer("time");
    }, 1000);
    undo.push(() => clearInterval(second));
    if (config.triggers.views && views === config.triggers.views) offer("views");
    if (click) undo.push(on(d, "click", e => { if (e.target.closest && e.target.closest(click)) offer("click"); }));
    if (scroll || exit) {
      let y = w.scrollY, at = performance.now();
      undo.push(on(w, "scroll", () => {
        const root = d.documentElement, room = root.scrollHeight - w.innerHeight, now = performance.now();
        if (scroll && root.scrollHeight >= 1.5 * w.innerHeight && w.scrollY / room * 100 >= scroll) offer("scroll");
        const fast = (y - w.scrollY) / (now - at) > 1.5;
        if (exit && fast && visible >= 15 && matchMedia("(hover:none)").matches) offer("exit");
        y = w.scrollY;
        at = now;
      }, {passive: true}));
    }
    if (exit) undo.push(on(d.documentElement, "mouseleave", e => {
      if (e.clientY <= 0 && !e.relatedTarget && visible >= 5 && matchMedia("(hover:hover) and (pointer:fine)").matches) offer("exit");
    }));
  };
  const stop = () => { undo.forEach(take => take()); undo = []; };

  w.Boucle = {ask: () => offer("call"), event: name => offer(name)};
  const run = async () => {
    try {
      const answer = await post("config", {site});
      if (!answer.ok) return;
      config = await answer.json();
    } catch { return; }
    start();
    early.forEach(offer);
    let path = location.href;
    const moved = () => {
      if (location.href === path) return;
      path = location.href;
      stop();
      start();
    };
    if (w.navigation) w.navigation.addEventListener("navigatesuccess", moved);
    else setInterval(moved, 1000);
  };
  if (site && visitor) d.readyState === "complete" ? run() : w.addEventListener("load", run);
})();
