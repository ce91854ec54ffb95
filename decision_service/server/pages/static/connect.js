// Opens the vendor's widget with the applicant's link token, and asks the service about that token.

import { askFirst, showStep, tellOfAccount, tellOfDocuments } from "./accounts.js";
import { keep, language, returnOrigins, say, state, widgetOptions, words } from "./state.js";
import { again, fail, focusStep, isShown, offerWayBack, setNote, show } from "./steps.js";

const openButtons = [...document.querySelectorAll("[data-open]")];
const stopButton = document.querySelector("#stop button");

const ask = async (path) => {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", "accept-language": language },
      body: JSON.stringify({ token: state.token }),
    });
  } catch {
    return { problem: words.not_reached };
  }
  if (answer.status === 403) return { dead: true };
  const content = await answer.json().catch(() => ({}));
  return answer.ok ? content : { problem: content.message ?? words.not_reached };
};

// What the service answers, or null where it refuses; the refusal is shown.
const asked = async (path, action) => {
  const answer = await ask(path);
  if (answer.dead) show("dead");
  else if (answer.problem) fail(answer.problem, action);
  else return answer;
  return null;
};

const freshToken = async () => {
  const answer = await asked("/connect/token", "open");
  if (!answer) return null;
  state.token = answer.token;
  keep();
  return state.token;
};

const enable = (yes) => {
  for (const button of [...openButtons, stopButton, again]) button.disabled = !yes;
};

const callbacks = {
  onAccountCreated: tellOfAccount("connecting"),
  onAccountConnected: tellOfAccount("connected"),
  onAccountRemoved: tellOfAccount("removed"),
  onAccountError: tellOfAccount("problem"),
  onTokenExpired: freshToken,
  onUploadsCreated: tellOfDocuments("uploaded", 1),
  onUploadsRemoved: tellOfDocuments("taken_back", -1),
  onClose: (event) => {
    enable(true);
    const broken = event?.reason === "error";
    if (isShown("dead") || (broken && isShown("failed"))) return;
    if (broken) {
      fail(words.closed_by_error, "open");
      return;
    }
    showStep();
    if (isShown("start")) setNote(words.closed);
    focusStep();
  },
  onUIEvent: (event) => {
    document.body.dataset.widget = event?.eventName ?? "";
  },
};

const open = async () => {
  enable(false);
  setNote("");
  if (state.used && !(await freshToken())) {
    enable(true);
    return;
  }
  showStep();
  state.used = true;
  keep();
  const providers = state.providers ?? widgetOptions.providers;
  new window.SmileLinkModal({ ...widgetOptions, providers, topProviders: state.first, userToken: state.token, ...callbacks }).open();
};

// The way back leads to the lender's own pages alone, whoever made the link.
const wayBack = () => {
  try {
    const url = new URL(state.returnUrl);
    return returnOrigins.includes(url.origin) ? url.href : null;
  } catch {
    return null;
  }
};

const check = async () => {
  if (await asked("/connect/check", "check")) showStep();
};

const begin = () => {
  if (wayBack()) offerWayBack(wayBack());
  if (!state.token) return show("incomplete");
  keep();
  askFirst();
  if (!window.SmileLinkModal) return fail(words.not_loaded, "load");
  show("checking");
  return check();
};

const actions = { open, check, load: () => location.reload() };
again.addEventListener("click", () => actions[again.dataset.action]());
for (const button of openButtons) button.addEventListener("click", open);
stopButton.addEventListener("click", () => {
  open();
  say(words.choose);
});
for (const link of document.querySelectorAll("nav a")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    keep(link.getAttribute("href"));
    location.reload();
  });
}
begin();
