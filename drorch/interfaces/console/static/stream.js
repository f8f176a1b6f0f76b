// Follows the events of a run: every event once, in order, also over a lost connection or a restarted console.
import { lost, renew } from "./renew.js";

const SILENCE_MS = 8000; // the server says something every two seconds
const AGAIN_MS = 1500;
const RENEW_MS = 700;

export function follow(live, state) {
  const address = live.dataset.stream;
  let source = null;
  let heard = Date.now();
  let due = false;
  let ended = false;

  function last() {
    const lines = document.querySelectorAll("#log > li[data-seq]");
    return lines.length ? Math.max(...[...lines].map((line) => Number(line.dataset.seq))) : 0;
  }

  function soon() {
    if (due) return;
    due = true;
    setTimeout(() => {
      due = false;
      renew(state);
    }, RENEW_MS);
  }

  function connect() {
    if (source) source.close();
    heard = Date.now();
    source = new EventSource(`${address}?after=${last()}`);
    source.addEventListener("line", (message) => {
      heard = Date.now();
      const line = JSON.parse(message.data);
      if (line.seq > last()) append(line);
      soon();
    });
    source.addEventListener("beat", () => {
      heard = Date.now();
      if (state.lost !== null) soon();
    });
    source.addEventListener("end", () => {
      ended = true;
      source.close();
      soon();
    });
    source.onerror = () => {
      if (ended) return;
      lost(state);
      source.close();
      setTimeout(connect, AGAIN_MS);
    };
  }

  setInterval(() => {
    if (!ended && Date.now() - heard > SILENCE_MS) {
      lost(state);
      connect();
    }
  }, 1000);
  setInterval(() => { if (state.lost === null && !ended) soon(); }, 5000);
  connect();
}

function append(line) {
  const log = document.getElementById("log");
  if (!log) return;
  const item = document.createElement("li");
  item.dataset.seq = line.seq;
  const number = document.createElement("span");
  number.className = "quiet";
  number.textContent = line.seq;
  const time = document.createElement("time");
  time.dateTime = line.at;
  time.textContent = line.clock;
  const text = document.createElement("span");
  text.className = line.tone;
  text.textContent = line.text;
  const detail = document.createElement("span");
  detail.className = "detail";
  detail.lang = "en";
  detail.textContent = line.detail ? ` ${line.detail}` : "";
  const told = document.createElement("span");
  told.append(text, detail);
  item.append(number, time, told);
  const down = log.scrollTop + log.clientHeight >= log.scrollHeight - 40;
  log.append(item);
  if (down) log.scrollTop = log.scrollHeight;
}
