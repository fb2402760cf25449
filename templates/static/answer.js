// The answer pages work without this file. With it the question below the scale follows the score, and a fourth reason
// is refused at once instead of after sending.
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
(() => {
  const reasons = document.querySelector("[data-reasons] [data-most]");
  const said = document.querySelector("[data-said]");
  if (!reasons || !said) return;
  reasons.addEventListener("change", (event) => {
    const many = reasons.querySelectorAll("input:checked").length > Number(reasons.dataset.most);
    if (many) event.target.checked = false;
    said.textContent = many ? reasons.dataset.tooMany : "";
  });
})();
