// What became of each account and of documents: a newer line of an account takes the place of the older one.

import { advice, filled, keep, language, providerNames, say, state, words } from "./state.js";
import { fail, isShown, setNote, show } from "./steps.js";

// Of a provider whose name is not known: `sprout_ph` is Sprout and `abc_ph` is ABC to a person.
const word = (part) => (part.length < 4 ? part.toUpperCase() : part[0].toUpperCase() + part.slice(1));
const named = (providerId) => {
  if (Object.hasOwn(providerNames, providerId)) return filled(words.account, { provider: providerNames[providerId] });
  const parts = providerId.replace(/_[a-z]{2}$/, "").split("_").filter(Boolean);
  return parts.length ? filled(words.account, { provider: parts.map(word).join(" ") }) : words.unnamed_account;
};

const sentence = ({ status, providerId, code, count }) => {
  const values = { account: named(providerId), why: advice[code] || words.unknown_error, count };
  return filled(words[status === "problem" ? "not_connected" : status], values);
};

const list = (lines) => {
  document.getElementById("status").replaceChildren(...lines.map((line) => {
    const item = document.createElement("li");
    item.className = line.status;
    item.textContent = sentence(line);
    return item;
  }));
  document.getElementById("accounts").hidden = !lines.length;
};

// The step after what happened last: an account that failed stands in place of the step until there is another.
export const showStep = () => {
  const is = (status) => state.lines.some((line) => line.status === status);
  const failed = state.lines.filter((line) => line.status === "problem").pop();
  if (is("connected") || state.documents > 0) show("done");
  else if (is("connecting")) show("progress");
  else if (failed) fail(sentence(failed), "open");
  else show("start");
  list(state.lines.filter((line) => line !== failed || !isShown("failed")));
};

const tell = (line, replaces) => {
  state.lines = [...state.lines.filter((one) => !replaces(one)), line];
  keep();
  setNote("");
  showStep();
  say(sentence(line));
};

export const tellOfAccount = (status) => (account) => {
  const providerId = String(account?.providerId ?? "");
  const key = String(account?.accountId ?? providerId);
  const sameAttempt = (one) => one.key === key || (one.providerId === providerId && one.status === "problem");
  tell({ status, key, providerId, code: account?.errorCode }, sameAttempt);
};

export const tellOfDocuments = (kind, sign) => (event) => {
  const count = event?.uploads?.length ?? 1;
  state.documents += sign * count;
  tell({ status: `${kind}_${count === 1 ? "one" : "many"}`, key: kind, providerId: "", count }, () => false);
};

// Which accounts are asked for first. A name that is not known is not shown: whoever makes a link could write it.
export const askFirst = () => {
  const names = state.first.filter((one) => Object.hasOwn(providerNames, one)).map((one) => providerNames[one]);
  const first = document.getElementById("first");
  first.hidden = !names.length;
  const any = new Intl.ListFormat(language, { type: "disjunction" });
  first.textContent = filled(words.asked_first, { providers: any.format(names) });
};
