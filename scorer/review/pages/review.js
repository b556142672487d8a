// Saves answers without leaving the page, and walks through a call by keyboard. Without it every button still works.
"use strict";

const saved = document.getElementById("saved");
let opener = ""; // id of the question or segment that a note was opened from
let warned = null; // the button whose next press confirms the whole call
let sending = null; // the form that leaves the page: what is written in it is not lost

function tell(text, look = "hint") {
  saved.textContent = text;
  saved.className = "saved " + look;
}

function beingWritten(part) {
  return [...part.querySelectorAll("input:not([type=hidden]), textarea")].some((field) => field.value !== field.defaultValue);
}

function takeOver(page, sent) {
  for (const part of document.querySelectorAll("[data-part]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || (fresh.outerHTML === part.outerHTML && !part.contains(sent))) continue;
    if (part.contains(sent) || !beingWritten(part)) part.replaceWith(document.importNode(fresh, true));
  }
}

async function save(form, button) {
  const place = document.activeElement.closest("[data-stop], [data-segment]");
  const body = new URLSearchParams(new FormData(form, button));
  tell("saving …", "");
  try {
    const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!answer.ok || !page.getElementById("saved")) {
      const said = page.getElementById("said");
      const ended = "your session has ended: load this page again, log in, and answer once more";
      tell("not saved: " + (said && said.tagName === "P" ? said.textContent : ended), "failed");
      return;
    }
    takeOver(page, form);
    tell("saved: " + (button.value.endsWith(" withdrawn") ? "your answer is taken back" : `your answer "${button.textContent}"`), "kept");
  } catch {
    tell("not saved: the app does not answer; try once more", "failed");
    return;
  }
  const back = place && document.getElementById(place.id);
  if (back) back.focus({ preventScroll: true });
}

// Says what a confirmation of the whole call leaves unsaid, once; where nothing is left, only if `always`. Says whether it asked.
function askFirst(button, always) {
  const flags = [...document.querySelectorAll(".reason")].filter((flag) => !flag.querySelector("[aria-pressed=true]")).length;
  if (warned === button || !(flags || always)) return false;
  button.focus();
  warned = button;
  const open = ["", "1 flag has no answer; "][flags] ?? `${flags} flags have no answer; `;
  tell(`${open}once more confirms the whole call, as shown where you said nothing`);
  return true;
}

document.addEventListener("focusout", (event) => {
  if (event.target === warned && !event.relatedTarget?.closest("#whole")) warned = null; // some browsers focus no button that is clicked
});

document.addEventListener("submit", (event) => {
  if (!saved || !event.target.matches("[data-save]")) {
    sending = event.target;
    return;
  }
  event.preventDefault();
  if (event.submitter.value === " yes" && askFirst(event.submitter, false)) return;
  save(event.target, event.submitter);
});

window.addEventListener("beforeunload", (event) => {
  const written = [...document.querySelectorAll("[name=note], [name=agent_side]")].filter((field) => field.value !== field.defaultValue);
  if (written.some((field) => field.form !== sending)) event.preventDefault();
  sending = null; // the person may stay
});

function go(selector, step) {
  const stops = [...document.querySelectorAll(selector)].filter((stop) => stop.checkVisibility());
  const now = document.activeElement.closest(selector);
  let at = stops.indexOf(now);
  if (at < 0) {
    const segment = document.activeElement.closest("[data-segment]") || document.body;
    at = stops.findIndex((stop) => segment.compareDocumentPosition(stop) & Node.DOCUMENT_POSITION_FOLLOWING) - (step > 0 ? 1 : 0);
    if (segment === document.body) at = step > 0 ? -1 : 0;
  }
  const next = stops[at + step];
  if (!next) return tell(step > 0 ? "this was the last one" : "this was the first one");
  if (saved.matches(".kept, .hint")) tell("", "");
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "center" });
}

function answer(word) {
  const stop = document.activeElement.closest("[data-stop]");
  const button = stop && stop.querySelector(`button[value$=" ${word}"]`);
  if (button) button.click();
  else tell("go to a question first: n");
}

function openAside(into) {
  const here = document.activeElement.closest("[data-segment], [data-stop]");
  const aside = here && (here.closest("[data-segment]") || here).querySelector("details.aside");
  if (!aside) return tell("go to a segment first: j");
  opener = here.id;
  aside.open = true;
  aside.querySelector(into).focus();
}

function comeBack() {
  const from = document.getElementById(opener);
  const part = document.activeElement.closest("[data-part]");
  const place = part && part.contains(from) ? from : document.activeElement.closest("[data-stop], [data-segment]");
  if (place) place.focus();
  opener = "";
}

function noteWaits() {
  comeBack();
  tell("the note goes with your answer: " + (document.activeElement.matches("[data-stop]") ? "y, x or u" : "n, then y, x or u"));
}

const keys = {
  n: () => go("[data-stop]", 1),
  p: () => go("[data-stop]", -1),
  j: () => go("[data-segment]", 1),
  k: () => go("[data-segment]", -1),
  y: () => answer("yes"),
  x: () => answer("no"),
  u: () => answer("unsure"),
  l: () => openAside("[data-stop], input"),
  m: () => openAside("input[name=note]"),
  w: () => { const button = document.querySelector("#whole button:enabled"); if (!askFirst(button, true)) button.click(); },
  o: () => { const next = document.querySelector("a[rel=next]"); if (next) next.click(); else tell("this was the last call"); },
  "?": () => { const list = document.getElementById("keys"); list.open = !list.open; },
};

document.addEventListener("keydown", (event) => {
  if (!saved || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return comeBack();
  if (event.key === "Enter" && event.target.matches("[data-save] [name=note]")) return noteWaits();
  if (event.target.matches("input, select, textarea")) return;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  if (!event.repeat || "npjk".includes(event.key)) act(); // a key that is held down walks, but answers once
});
