// Opens the vendor's widget with the applicant's link token, and shows the step that the applicant is at.
(() => {
  "use strict";

  const { options, said, errors, returnOrigins } = document.body.dataset;
  const words = JSON.parse(said);
  const advice = JSON.parse(errors);
  const widgetOptions = JSON.parse(options);
  const language = document.documentElement.lang;
  const steps = [...document.querySelectorAll("[data-step]")];
  const openButtons = [...document.querySelectorAll("[data-open]")];
  const list = document.getElementById("status");
  const stopButton = document.querySelector("#stop button");
  const again = document.getElementById("again");
  const back = document.getElementById("back");
  const leave = document.getElementById("leave");
  const note = document.querySelector(".note");

  // All that this page knows. A token is good for one opening; `used` says that the next opening needs another one.
  // It is taken out of the address bar into the state of the history entry, where it outlasts loading this page again
  // and another language.
  const asked = new URLSearchParams(location.search);
  const kept = history.state ?? {};
  const state = {
    token: asked.get("token") || kept.token,
    returnUrl: asked.get("return_url") || kept.returnUrl,
    used: !asked.get("token") && Boolean(kept.used),
    lines: kept.lines ?? [],
  };
  const address = asked.get("lang") ? `${location.pathname}?lang=${language}` : location.pathname;
  const keep = () => history.replaceState(state, "", address);

  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (blank, name) => values[name] ?? blank);
  const say = (text) => {
    document.getElementById("spoken").textContent = text;
  };

  // Steps: one is shown. A problem takes the place of the step that it belongs to.

  let shown = "";
  const show = (step) => {
    if (step === shown) return;
    const moved = shown && shown !== "checking";
    shown = step;
    stopButton.parentElement.hidden = !["start", "progress", "done"].includes(step);
    leave.hidden = !back.href || step === "done";
    for (const one of steps) one.hidden = one.dataset.step !== step;
    if (moved) heading().focus();
  };

  const current = () => steps.find((one) => one.dataset.step === shown);
  const heading = () => current().querySelector("h2");
  const fail = (text, retry) => {
    document.getElementById("failure").textContent = text;
    again.onclick = retry;
    show("failed");
    stopButton.parentElement.hidden = retry !== open;
    say(text);
  };

  // The step after what happened last: an account that failed stands in place of the step until there is another.
  const showStep = () => {
    const is = (status) => state.lines.some((line) => line.status === status);
    const failed = state.lines.filter((line) => line.status === "problem").pop();
    if (is("connected")) show("done");
    else if (is("connecting")) show("progress");
    else if (failed) fail(sentence(failed), open);
    else show("start");
    render(shown === "failed" ? failed : null);
  };

  // Lines: what became of each account, and of documents. A newer line of an account takes the place of the older one.

  // `sss_ph` is SSS and `pagibig_ph` is Pagibig to a person.
  const word = (part) => (part.length < 4 ? part.toUpperCase() : part[0].toUpperCase() + part.slice(1));
  const named = (providerId) => {
    const parts = providerId.replace(/_[a-z]{2}$/, "").split("_").filter(Boolean);
    return parts.length ? filled(words.account, { provider: parts.map(word).join(" ") }) : words.unnamed_account;
  };

  const sentence = ({ status, providerId, code, count }) => {
    const values = { account: named(providerId), why: advice[code] || words.unknown_error, count };
    return filled(words[status === "problem" ? "not_connected" : status], values);
  };

  const render = (shownAbove) => {
    const lines = state.lines.filter((line) => line !== shownAbove);
    list.replaceChildren(...lines.map((line) => {
      const item = document.createElement("li");
      item.className = line.status;
      item.textContent = sentence(line);
      return item;
    }));
    document.getElementById("accounts").hidden = !lines.length;
  };

  const tell = (line, replaces) => {
    state.lines = [...state.lines.filter((one) => !replaces(one)), line];
    keep();
    note.hidden = true;
    showStep();
    say(sentence(line));
  };

  const tellOfAccount = (status) => (account) => {
    const providerId = String(account?.providerId ?? "");
    const key = String(account?.accountId ?? providerId);
    const sameAttempt = (one) => one.key === key || (one.providerId === providerId && one.status === "problem");
    tell({ status, key, providerId, code: account?.errorCode }, sameAttempt);
  };

  const tellOfDocuments = (kind) => (event) => {
    const count = event?.uploads?.length ?? 1;
    tell({ status: `${kind}_${count === 1 ? "one" : "many"}`, key: kind, providerId: "", count }, () => false);
  };

  // The service

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

  const refused = ({ dead, problem }, retry) => {
    if (dead) show("dead");
    if (problem) fail(problem, retry);
    return Boolean(dead || problem);
  };

  const freshToken = async (retry) => {
    const answer = await ask("/connect/token");
    if (refused(answer, retry)) return null;
    state.token = answer.token;
    keep();
    return state.token;
  };

  // The widget

  const enable = (yes) => {
    for (const button of [...openButtons, stopButton, again]) button.disabled = !yes;
  };

  const callbacks = {
    onAccountCreated: tellOfAccount("connecting"),
    onAccountConnected: tellOfAccount("connected"),
    onAccountRemoved: tellOfAccount("removed"),
    onAccountError: tellOfAccount("problem"),
    onTokenExpired: () => freshToken(open),
    onUploadsCreated: tellOfDocuments("uploaded"),
    onUploadsRemoved: tellOfDocuments("taken_back"),
    onClose: (event) => {
      enable(true);
      if (shown === "dead") return;
      if (event?.reason === "error") {
        if (shown !== "failed") fail(words.closed_by_error, open);
        return;
      }
      showStep();
      if (shown === "start") {
        note.textContent = words.closed;
        note.hidden = false;
        say(words.closed);
      }
      (shown === "done" ? heading() : current().querySelector("button")).focus();
    },
    onUIEvent: (event) => {
      document.body.dataset.widget = event?.eventName ?? "";
    },
  };

  const open = async () => {
    enable(false);
    note.hidden = true;
    if (state.used && !(await freshToken(open))) {
      enable(true);
      return;
    }
    showStep();
    state.used = true;
    keep();
    new window.SmileLinkModal({ ...widgetOptions, userToken: state.token, ...callbacks }).open();
  };

  // The way back leads to the lender's own pages alone, whoever made the link.
  const allowed = (address) => {
    try {
      const url = new URL(address);
      return returnOrigins.split(" ").includes(url.origin) ? url : null;
    } catch {
      return null;
    }
  };

  const offerWayBack = () => {
    const url = allowed(state.returnUrl);
    if (!url) return;
    back.href = leave.firstElementChild.href = url.href;
    back.hidden = false;
    document.getElementById("may-close").hidden = true;
  };

  const begin = async () => {
    if (!state.token) return show("incomplete");
    keep();
    if (!window.SmileLinkModal) return fail(words.not_loaded, () => location.reload());
    if (!shown) show("checking");
    if (refused(await ask("/connect/check"), begin)) return;
    showStep();
  };

  for (const link of document.querySelectorAll("nav a")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      history.replaceState(state, "", link.getAttribute("href"));
      location.reload();
    });
  }
  for (const button of openButtons) button.addEventListener("click", open);
  stopButton.addEventListener("click", () => {
    open();
    say(words.choose);
  });
  offerWayBack();
  begin();
})();
