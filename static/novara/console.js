// On a phone the names of the pages are wider than the screen: begins with the one that is open.

document.querySelector("#pages [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
