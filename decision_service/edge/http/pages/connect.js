// Opens the vendor's widget with the applicant's link token, and tells in plain words what happens.
(() => {
  "use strict";

  const options = JSON.parse(document.body.dataset.options);
  const errors = JSON.parse(document.body.dataset.errors);
  const openButton = document.getElementById("open");
  const revokeLink = document.getElementById("revoke");
  const log = document.getElementById("status");

  // A token is good for one opening; `used` says that the next opening needs another one. It is taken
  // out of the address bar into the state of the history entry, for when this page is loaded again.
  let token = null;
  let used = false;
  const asked = new URLSearchParams(location.search);
  const returnUrl = asked.get("return_url") || history.state?.returnUrl;
  const keep = (fresh) => {
    token = fresh;
    history.replaceState({ token, returnUrl }, "", location.pathname);
  };
  const given = asked.get("token") || history.state?.token;
  if (given) keep(given);

  // The way back leads to the lender's own pages alone, whoever made the link.
  const allowed = document.body.dataset.returnOrigins.split(" ");
  const back = URL.canParse(returnUrl ?? "") ? new URL(returnUrl) : null;
  if (back && allowed.includes(back.origin)) {
    const link = document.getElementById("back");
    link.href = back.href;
    link.parentElement.hidden = false;
  }

  // `kind` is "done", "problem" or nothing; the words say the same for whoever does not see it.
  const say = (words, kind = "") => {
    if (!log.dataset.begun) {
      log.replaceChildren();
      log.dataset.begun = "yes";
    }
    const line = document.createElement("li");
    line.textContent = words;
    if (kind) line.className = kind;
    log.append(line);
  };

  // `sss_ph` is SSS and `pagibig_ph` is Pagibig to a person.
  const word = (part) => (part.length < 4 ? part.toUpperCase() : part[0].toUpperCase() + part.slice(1));
  const named = (account) => {
    const parts = String(account?.providerId ?? "").replace(/_[a-z]{2}$/, "").split("_").filter(Boolean);
    return parts.length ? `${parts.map(word).join(" ")} account` : "account";
  };

  const documents = (event) => {
    const count = event?.uploads?.length ?? 1;
    return count === 1 ? "1 document was" : `${count} documents were`;
  };

  const CLOSED = {
    close: "The connection window is closed. You can open it again to connect another account.",
    exit: "You closed the connection window. You can open it again at any time.",
  };

  const fetchToken = async () => {
    const answer = await fetch("/connect/token", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token }),
    });
    const content = await answer.json();
    if (!answer.ok) throw new Error(content.message);
    keep(content.token);
    return token;
  };

  const freshToken = async () => {
    try {
      return await fetchToken();
    } catch (error) {
      say(error.message || "No new link could be made now. Try again in a minute.", "problem");
      return null;
    }
  };

  const callbacks = {
    onAccountCreated: (account) => say(`Connecting your ${named(account)} …`),
    onAccountConnected: (account) => {
      say(`Your ${named(account)} is connected. Its data is being collected, which takes up to five minutes.`, "done");
    },
    onAccountRemoved: (account) => {
      say(`You have stopped sharing your ${named(account)}. Its data is being erased.`, "done");
    },
    onAccountError: (account) => {
      const words = errors[account?.errorCode] || "The account could not be connected. Try again.";
      say(`Your ${named(account)} was not connected. ${words}`, "problem");
    },
    onTokenExpired: async () => {
      const fresh = await freshToken();
      if (fresh) say("This link had expired; a new one was made.");
      return fresh;
    },
    onUploadsCreated: (event) => say(`${documents(event)} uploaded.`, "done"),
    onUploadsRemoved: (event) => say(`${documents(event)} removed.`, "done"),
    onClose: (event) => {
      openButton.disabled = false;
      openButton.focus();
      if (event?.reason === "error") say("The connection window was closed by an error. Open it again.", "problem");
      else say(CLOSED[event?.reason] ?? CLOSED.close);
    },
    onUIEvent: (event) => {
      document.body.dataset.widget = event?.eventName ?? "";
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
      say("This link is incomplete: open the whole link that you were sent.", "problem");
    } else if (!window.SmileLinkModal) {
      openButton.disabled = true;
      say("The connection window could not be loaded. Check your connection and load this page again.", "problem");
    }
  };

  openButton.addEventListener("click", open);
  revokeLink.addEventListener("click", (event) => {
    event.preventDefault();
    if (openButton.disabled) return;
    say("Choose the account to stop sharing in the connection window.");
    open();
  });
  begin();
})();
