// Keys, the reader's own time zone, and a claim that runs out. Every page works without this.
"use strict";

function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    time.title = time.textContent;
    time.textContent = at.toLocaleString("sv-SE", { timeZoneName: "short" }).replace(/:\d\d (?=\S+$)/, " ");
  }
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
  const ends = Date.parse(claim.dataset.claimEnds);
  const show = () => {
    const left = Math.ceil((ends - Date.now()) / 60000);
    if (left > 5) return;
    claim.hidden = false;
    claim.querySelector("[data-left]").textContent =
      left > 0 ? `Your claim ends in ${left} min.` : "Your claim has ended. What you typed is still here.";
  };
  show();
  setInterval(show, 5000);
}

document.addEventListener("DOMContentLoaded", () => {
  localTimes(document);
  watchClaim();
  document.addEventListener("keydown", pressed);
  const wrong = document.querySelector("[aria-invalid=true], [role=alert]");
  if (wrong) wrong.focus();
});
document.addEventListener("htmx:after:swap", (event) => localTimes(event.target));
