// Opens the vendor's widget with the applicant's link token, and tells in plain words what happens.
(() => {
  "use strict";

  const options = JSON.parse(document.body.dataset.options);
  const errors = JSON.parse(document.body.dataset.errors);
  const openButton = document.getElementById("open");
  const revokeLink = document.getElementById("revoke");
  const log = document.getElementById("status");

  // A token is good for one opening; `used` says that the next opening needs another one.
  let token = new URLSearchParams(location.search).get("token");
  let used = false;

  const say = (words, problem = false) => {
    if (!log.dataset.begun) {
      log.replaceChildren();
      log.dataset.begun = "yes";
    }
    const line = document.createElement("li");
    line.textContent = words;
    if (problem) line.className = "problem";
    log.append(line);
  };

  const named = (account) => (account && account.providerId ? ` (${account.providerId})` : "");

  const fetchToken = async () => {
    const answer = await fetch("/connect/token", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token }),
    });
    const content = await answer.json();
    if (!answer.ok) throw new Error(content.message);
    token = content.token;
    return token;
  };

  const freshToken = async () => {
    try {
      return await fetchToken();
    } catch (error) {
      say(error.message || "No new link could be made now. Try again in a minute.", true);
      return null;
    }
  };

  const callbacks = {
    onAccountCreated: (account) => say(`Connecting your account${named(account)} …`),
    onAccountConnected: (account) => {
      say(`Your account${named(account)} is connected. Its data is being collected, which takes up to five minutes.`);
    },
    onAccountRemoved: (account) => {
      say(`You have stopped sharing your account${named(account)}. Its data is being erased.`);
    },
    onAccountError: (account) => {
      const words = errors[account.errorCode] || "The account could not be connected. Try again.";
      say(`Your account${named(account)} was not connected. ${words}`, true);
    },
    onTokenExpired: () => {
      say("This link had expired; a new one was made.");
      return freshToken();
    },
    onUploadsCreated: ({ uploads }) => say(`${uploads.length} document(s) uploaded.`),
    onUploadsRemoved: ({ uploads }) => say(`${uploads.length} document(s) removed.`),
    onClose: ({ reason }) => {
      openButton.disabled = false;
      openButton.focus();
      if (reason === "error") say("The connection window was closed by an error. Open it again.", true);
      else say("The connection window is closed. You can open it again.");
    },
    onUIEvent: ({ eventName }) => {
      document.body.dataset.widget = eventName;
    },
  };

  const open = async () => {
    openButton.disabled = true;
    if (used && !(await freshToken())) {
      openButton.disabled = false;
      return;
    }
    used = true;
    new window.SmileLinkModal({ ...options, userToken: token, ...callbacks }).open();
  };

  const begin = () => {
    if (!token) {
      openButton.disabled = true;
      say("This link is incomplete: open the whole link that you were sent.", true);
    } else if (!window.SmileLinkModal) {
      openButton.disabled = true;
      say("The connection window could not be loaded. Check your connection and load this page again.", true);
    }
  };

  openButton.addEventListener("click", open);
  revokeLink.addEventListener("click", (event) => {
    event.preventDefault();
    say("Choose the account to stop sharing in the connection window.");
    open();
  });
  begin();
})();
