// The page of a rule: the preview follows what is typed. Without this script the page does the
// same with its button.

const form = document.getElementById("rule-form");

if (form) followWithPreview(form, 500);
