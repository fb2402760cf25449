// The team's pages work without this file. With it the inbox follows the tickets, and a ticket says when it has changed.
(() => {
  const live = document.querySelector("[data-live]");
  if (!live || !window.EventSource) return;
  const lists = live.id === "lists";
  const offline = document.querySelector("[data-offline]");
  let known = live.dataset.stamp || "";

  const read = async (address) => {
    const answer = await fetch(address, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };

  const showLists = async () => {
    const fresh = await read(location.href);
    const there = fresh && fresh.getElementById("lists");
    if (!there) return;
    const focused = document.activeElement && live.contains(document.activeElement)
      ? document.activeElement.getAttribute("href") : null;
    live.replaceChildren(...there.childNodes);
    live.dataset.stamp = known = there.dataset.stamp;
    if (focused) live.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  };

  const showChanged = async () => {
    const fresh = await read(live.dataset.ticket);
    const there = fresh && fresh.querySelector("[data-version]");
    if (there && there.dataset.version !== live.dataset.version) document.querySelector("[data-changed]").hidden = false;
  };

  const source = new EventSource(live.dataset.live);
  source.addEventListener("tickets", (event) => {
    if (offline) offline.hidden = true;
    if (event.data === known) return;
    known = event.data;
    (lists ? showLists() : showChanged()).catch(() => {});
  });
  source.onerror = () => {
    if (offline && source.readyState === EventSource.CLOSED) offline.hidden = false;
  };
  addEventListener("pagehide", () => source.close());
})();
