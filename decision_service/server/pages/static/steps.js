// The step that the applicant is at: one is shown, and a problem takes the place of the step that it belongs to.

import { say } from "./state.js";

const steps = [...document.querySelectorAll("[data-step]")];
const stop = document.getElementById("stop");
const leave = document.getElementById("leave");
const back = document.getElementById("back");
const note = document.querySelector(".note");

export const again = document.getElementById("again");

let shown = "";
export const isShown = (step) => shown === step;
const current = () => steps.find((one) => one.dataset.step === shown);

export const show = (step) => {
  if (step === shown) return;
  const moved = shown && shown !== "checking";
  shown = step;
  stop.hidden = !["start", "progress", "done"].includes(step);
  leave.hidden = !back.href || step === "done";
  for (const one of steps) one.hidden = one.dataset.step !== step;
  if (moved) current().querySelector("h2").focus();
};

// `action` is what trying again does: "open", "check" or "load".
export const fail = (text, action) => {
  document.getElementById("failure").textContent = text;
  again.dataset.action = action;
  show("failed");
  stop.hidden = action !== "open";
  say(text);
};

export const setNote = (text) => {
  note.textContent = text;
  note.hidden = !text;
  if (text) say(text);
};

export const focusStep = () => current().querySelector(shown === "done" ? "h2" : "button").focus();

export const offerWayBack = (address) => {
  back.href = leave.firstElementChild.href = address;
  back.hidden = false;
  document.getElementById("may-close").hidden = true;
};
