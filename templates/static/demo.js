// In a demo: the clock of the banner ticks, and a page that waits for something looks again.
(() => {
  const began = performance.now();
  for (const clock of document.querySelectorAll("[data-seconds]")) {
    const start = Number(clock.dataset.seconds);
    const two = (n) => String(n).padStart(2, "0");
    setInterval(() => {
      const now = Math.floor(start + (performance.now() - began) / 1000) % 86400;
      clock.textContent = two(Math.floor(now / 3600)) + ":" + two(Math.floor(now / 60) % 60);
    }, 1000);
  }
  if (document.querySelector("[data-reload]")) setTimeout(() => location.reload(), 2500);
})();
