// The pages that make an API key: one key for one form, a button that copies it, and no way back
// to it by reloading.

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("input[type=submit]")) button.disabled = true;
  });
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  const secret = document.getElementById(button.dataset.copy);
  const status = document.getElementById("copied");
  button.hidden = false;
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(secret);
    try {
      await navigator.clipboard.writeText(secret.textContent);
      status.textContent = "Copied.";
    } catch {
      status.textContent = "It is selected: copy it with your keyboard or menu.";
    }
  });
}

for (const link of document.querySelectorAll("a[data-leave]")) {
  history.replaceState(null, "", link.href);
}
