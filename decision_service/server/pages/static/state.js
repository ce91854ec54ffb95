// What the page knows and keeps, and the words that it was given.

const given = document.body.dataset;

export const words = JSON.parse(given.said);
export const advice = JSON.parse(given.errors);
export const providerNames = JSON.parse(given.names);
export const widgetOptions = JSON.parse(given.options);
export const returnOrigins = given.returnOrigins.split(" ");
export const language = document.documentElement.lang;

// A token is good for one opening; `used` says that the next opening needs another one. All of it is taken out of the
// address bar into the state of the history entry, where it outlasts loading this page again and another language.
const asked = new URLSearchParams(location.search);
const kept = history.state ?? {};
export const state = {
  token: asked.get("token") || kept.token,
  returnUrl: asked.get("return_url") || kept.returnUrl,
  providers: asked.get("providers")?.split(",") ?? kept.providers,
  first: asked.get("first")?.split(",") ?? kept.first ?? [],
  used: !asked.get("token") && Boolean(kept.used),
  documents: kept.documents ?? 0,
  lines: kept.lines ?? [],
};

export const keep = (address) => {
  const here = asked.get("lang") ? `${location.pathname}?lang=${language}` : location.pathname;
  history.replaceState(state, "", address ?? here);
};

export const filled = (text, values) => text.replace(/\{(\w+)\}/g, (blank, name) => values[name] ?? blank);

export const say = (text) => {
  document.getElementById("spoken").textContent = text;
};
