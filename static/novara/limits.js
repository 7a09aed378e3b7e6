// The page of a rule: the preview follows what is typed. Without this script the page does the
// same with its button.

const form = document.getElementById("rule-form");

const WAIT = 500;
let timer = 0;
let asked = null;

async function preview() {
  const place = document.getElementById("preview");
  asked?.abort();
  asked = new AbortController();
  place.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(form.dataset.preview, {
      method: "POST",
      body: new FormData(form),
      signal: asked.signal,
    });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    place.innerHTML = await response.text();
    markReason(place);
  } catch (error) {
    if (error.name === "AbortError") return;
    place.textContent = "There is no preview just now. Try the button “Preview”.";
  }
  place.removeAttribute("aria-busy");
}

function markReason(place) {
  const needs = place.querySelector("[data-needs-reason=yes]") !== null;
  form.querySelector(".needed").hidden = !needs;
  form.elements.reason.required = needs;
}

if (form) {
  form.addEventListener("input", (event) => {
    if (event.target.name === "reason") return;
    clearTimeout(timer);
    timer = setTimeout(preview, WAIT);
  });
  markReason(document.getElementById("preview"));
}
