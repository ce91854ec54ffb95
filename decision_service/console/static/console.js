// Keys, the reader's own time zone, and a claim that runs out. Every page works without this.
"use strict";

function localTimes() {
  for (const time of document.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    time.title = time.textContent;
    time.textContent = at.toLocaleString("sv-SE", { timeZoneName: "short" }).replace(/:\d\d (?=\S+$)/, " ");
  }
}

function ownZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const field of document.querySelectorAll("input[data-zone]")) field.value = zone;
  for (const name of document.querySelectorAll("[data-zone-name]")) name.textContent = zone;
}

function typing(target) {
  return target.closest("input:not([type=checkbox], [type=radio]), textarea, select, dialog[open]");
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && typing(event.target)) return event.target.blur();
  if (typing(event.target)) return;
  const found = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!found) return;
  event.preventDefault();
  if (found.matches("dialog")) return found.showModal();
  if (found.matches("details")) {
    found.open = true;
    const first = found.querySelector("input:not([type=hidden]), select, textarea, button");
    return (first || found).focus();
  }
  found.focus();
  if (found.matches("button, a, summary")) found.click();
}

function watchClaim() {
  const claim = document.querySelector("[data-claim-ends]");
  if (!claim) return;
  const left = Math.ceil((Date.parse(claim.dataset.claimEnds) - Date.now()) / 60000);
  const words = left > 5 ? "" : left > 0 ? `Your claim ends in ${left} min.` : "Your claim has ended. What you typed is still here.";
  const shown = claim.querySelector("[data-left]");
  if (shown.textContent !== words) shown.textContent = words;
  claim.classList.toggle("ending", left <= 5);
}

document.addEventListener("DOMContentLoaded", () => {
  localTimes();
  ownZone();
  watchClaim();
  setInterval(watchClaim, 5000);
  document.addEventListener("keydown", pressed);
  const wrong = document.querySelector("[aria-invalid=true]") || document.querySelector("[role=alert]");
  if (wrong && !wrong.autofocus) wrong.focus();
});
document.addEventListener("htmx:after:swap", () => {
  localTimes();
  watchClaim();
});
