// A frame of our own origin grows to the height of what is in it, so that there is one scroll bar and not two.
(() => {
  for (const frame of document.querySelectorAll("iframe[data-grow]")) {
    const grow = () => {
      const inside = frame.contentDocument;
      if (!inside || !inside.documentElement) return;
      frame.style.height = "0";
      frame.style.height = inside.documentElement.scrollHeight + 2 + "px";
    };
    frame.addEventListener("load", grow);
    addEventListener("resize", grow);
    grow();
  }
})();
