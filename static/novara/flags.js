// The page of a flag: sliders and numbers go together, the preview follows what is typed, and rows
// can be added. Without this script the page does the same with its buttons.

const form = document.getElementById("flag-form");

function couple(slider) {
  const number = document.getElementById(slider.dataset.for);
  slider.hidden = false;
  slider.value = number.value;
  slider.addEventListener("input", () => {
    number.value = slider.value;
    number.dispatchEvent(new Event("input", { bubbles: true }));
  });
  number.addEventListener("input", () => {
    slider.value = number.value;
  });
}

function showRest() {
  const rest = document.getElementById("rest");
  if (!rest) return;
  let taken = 0;
  for (const number of form.querySelectorAll("input.share")) taken += Number(number.value) || 0;
  rest.value = Number((100 - taken).toFixed(3));
}

function emptied(row) {
  const blank = row.cloneNode(true);
  for (const part of blank.querySelectorAll("input, textarea, select")) {
    if (part.matches("[type=radio], [type=checkbox]")) part.checked = false;
    else if (part.matches("select")) part.selectedIndex = 0;
    else part.value = part.matches(".share") ? "0" : "";
  }
  return blank;
}

function numbered(row, index) {
  for (const name of ["name", "id", "for", "data-for"]) {
    for (const part of row.querySelectorAll(`[${name}]`)) {
      part.setAttribute(name, part.getAttribute(name).replace(/-\d+-/, `-${index}-`));
    }
  }
  for (const part of row.querySelectorAll("[type=radio]")) part.value = String(index);
  return row;
}

// The last row is empty, for whoever has no script; it is what another row is made of.
function addButton(rows) {
  const blank = emptied(rows.lastElementChild);
  const typed = [...rows.lastElementChild.querySelectorAll("input[type=text], textarea, select")];
  if (rows.children.length > 1 && !typed.some((part) => part.value && !part.matches("[name$=operator]"))) {
    rows.lastElementChild.remove();
  }
  const button = document.createElement("button");
  button.type = "button";
  button.className = "add-row";
  button.textContent = "Add another";
  button.addEventListener("click", () => {
    const next = numbered(blank.cloneNode(true), rows.children.length);
    rows.append(next);
    next.querySelectorAll("input[type=range]").forEach(couple);
    next.querySelector("input, select").focus();
  });
  rows.after(button);
}

if (form) {
  form.querySelectorAll("[data-rows]").forEach(addButton);
  form.querySelectorAll("input[type=range]").forEach(couple);
  form.addEventListener("input", showRest);
  followWithPreview(form, 350);
  showRest();
  // Typed before the script was there, or brought back by the browser.
  const shares = [...form.querySelectorAll("input.share")];
  const isShown = form.querySelector("#preview .preview") !== null;
  const isTyped = shares.some((number) => number.value !== number.defaultValue);
  if (isTyped || (!isShown && form.querySelector(".errornote"))) preview(form);
}
