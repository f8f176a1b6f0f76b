// The console in the browser: renews what is shown, says when it cannot, shows consequences in a dialog.
// Everything works without it: pages are whole, forms post, confirmations have pages of their own.
import { follow } from "./stream.js";
import { renew, watchAge } from "./renew.js";
import { dialogs } from "./dialog.js";

const live = document.getElementById("live");
const state = { lost: null, at: Number(live?.dataset.at || 0) * 1000 };

const address = new URL(location.href);
if (address.searchParams.has("said")) {
  address.searchParams.delete("said");
  history.replaceState(null, "", address);
}
watchAge(state);
dialogs();
const log = document.getElementById("log");
if (log) log.scrollTop = log.scrollHeight;
if (live?.dataset.stream) follow(live, state);
else if (live?.dataset.live) setInterval(() => renew(state), Number(live.dataset.live) * 1000);
