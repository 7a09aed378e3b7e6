// A form whose preview follows what is typed: it asks the address in data-preview, and shows the
// answer in #preview. What the answer says of a reason, the form demands.

let timer = 0;
let asked = null;

async function preview(form) {
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
    markReason(form, place);
  } catch (error) {
    if (error.name === "AbortError") return;
    place.textContent = "There is no preview just now. Try the button “Preview”.";
  }
  place.removeAttribute("aria-busy");
}

function markReason(form, place) {
  const needs = place.querySelector("[data-needs-reason=yes]") !== null;
  form.querySelector(".needed").hidden = !needs;
  form.elements.reason.required = needs;
}

// `wait`: how many milliseconds nothing was typed before it asks.
function followWithPreview(form, wait) {
  form.addEventListener("input", (event) => {
    if (event.target.name === "reason") return;
    clearTimeout(timer);
    timer = setTimeout(() => preview(form), wait);
  });
  markReason(form, document.getElementById("preview"));
}
