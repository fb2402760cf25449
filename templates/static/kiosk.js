// A kiosk shows nobody what the person before typed: after 30 seconds without a touch the page begins anew.
(() => {
  const form = document.querySelector("[data-kiosk]");
  if (!form) return;
  const idle = 30000;
  const stale = 3600000;
  const opened = Date.now();
  let touched = false;
  let timer = 0;
  const anew = () => location.replace(form.dataset.kiosk);
  const rest = () => {
    if (touched || Date.now() - opened > stale) anew();
    else timer = setTimeout(rest, idle);
  };
  const touch = () => {
    touched = true;
    clearTimeout(timer);
    timer = setTimeout(rest, idle);
  };
  for (const name of ["pointerdown", "keydown", "input", "scroll"]) addEventListener(name, touch, { passive: true });
  const came = performance.getEntriesByType("navigation")[0];
  if (came && came.type === "back_forward") return anew();
  addEventListener("pageshow", (event) => event.persisted && anew());
  if (document.querySelector(".fault, [role=alert]")) touched = true;
  timer = setTimeout(rest, idle);
})();
