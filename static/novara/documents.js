// The list of a group: chooses all documents of a page at once, and says how many are chosen.
// Without this script every box is ticked by hand.

const form = document.getElementById("many");
const label = document.getElementById("tick-all");

if (label) {
  const all = label.querySelector("input");
  const ticks = [...form.querySelectorAll("input[name=document]")];
  const said = document.getElementById("chosen");

  const tell = () => {
    const count = ticks.filter((tick) => tick.checked).length;
    all.checked = count === ticks.length;
    all.indeterminate = count > 0 && count < ticks.length;
    said.textContent = count ? `With the ${count} chosen:` : "Choose some, or:";
    for (const button of form.querySelectorAll("button[name=do]")) {
      button.hidden = count === 0;
    }
  };

  label.hidden = false;
  all.addEventListener("change", () => {
    for (const tick of ticks) {
      tick.checked = all.checked;
    }
    tell();
  });
  form.addEventListener("change", tell);
  // A browser that goes back shows the ticks of before.
  window.addEventListener("pageshow", tell);
  tell();
}
