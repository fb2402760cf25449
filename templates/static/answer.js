// The answer page works without this file. With it the question below the scale follows the score.
(() => {
  const form = document.querySelector("[data-survey]");
  const why = form && form.querySelector("[data-why]");
  if (!why) return;
  const neutral = why.textContent;
  const follow = () => {
    const chosen = form.querySelector("input[name=score]:checked");
    why.textContent = chosen ? why.getAttribute("data-why-" + chosen.dataset.band) : neutral;
  };
  form.addEventListener("change", follow);
  follow();
})();
