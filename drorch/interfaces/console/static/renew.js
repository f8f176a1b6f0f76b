// Fetches this page again and lays it over the old one; a page that cannot be fetched is said to be old.
import { morph } from "./morph.js";

const PATIENCE_MS = 8000;
let busy = false;
let wanted = false;

export async function renew(state) {
  if (busy) {
    wanted = true;
    return;
  }
  busy = true;
  try {
    const answer = await fetch(location.href, {
      headers: { "X-Renewal": "1" }, credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.redirected && new URL(answer.url).pathname === "/login") {
      location.assign(answer.url);
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (!fresh) throw new Error("no page");
    morph(document.getElementById("live"), fresh);
    const foot = page.querySelector("footer > span");
    if (foot) document.querySelector("footer > span").textContent = foot.textContent;
    state.at = Number(fresh.dataset.at) * 1000;
    state.offset = state.at - Date.now();
    found(state);
    forget();
  } catch {
    lost(state);
  } finally {
    busy = false;
    if (wanted) {
      wanted = false;
      setTimeout(() => renew(state), 400);
    }
  }
}

// A notice tells what was done a moment ago; beside a page that goes on it would soon be wrong.
const NOTICE_MS = 8000;
const opened = Date.now();

function forget() {
  if (Date.now() - opened < NOTICE_MS) return;
  for (const notice of document.querySelectorAll("main > p.banner[role=status]")) notice.remove();
}

export function lost(state) {
  if (state.lost === null) state.lost = Date.now();
  document.body.classList.add("lost");
  say(state);
}

export function found(state) {
  state.lost = null;
  document.body.classList.remove("lost");
  document.getElementById("connection").hidden = true;
}

function say(state) {
  const banner = document.getElementById("connection");
  const { lost: text, ago, again } = document.body.dataset;
  const at = new Date(state.at).toISOString().slice(11, 19);
  const age = Math.max(0, Math.round((Date.now() + (state.offset || 0) - state.at) / 1000));
  const told = `${text} ${at} UTC (${span(age)} ${ago}); ${again}`;
  if (banner.hidden || banner.textContent !== told) banner.textContent = told;
  banner.hidden = false;
}

export function span(seconds) {
  const pad = (number) => String(number).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${pad(Math.floor((seconds % 3600) / 60))} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

// Ages go on only while the connection stands: a number that still moved would pretend to be current.
export function watchAge(state) {
  state.offset = state.at - Date.now();
  setInterval(() => {
    if (state.lost !== null) {
      say(state);
      return;
    }
    for (const element of document.querySelectorAll("[data-since]")) {
      const age = Math.max(0, Math.floor((Date.now() + state.offset) / 1000 - Number(element.dataset.since)));
      const text = span(age);
      if (element.textContent !== text) element.textContent = text;
    }
  }, 1000);
}
