// Confirmations open in a dialog instead of a page of their own. The server says what would follow, at that moment.

export function dialogs() {
  const dialog = document.getElementById("dialog");
  let opener = null;

  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      opener = link;
      try {
        const answer = await fetch(link.href, { credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(8000) });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const confirm = page.querySelector(".confirm");
        if (!confirm) throw new Error("no confirmation");
        dialog.replaceChildren(document.importNode(confirm, true));
        dialog.showModal();
      } catch {
        location.assign(link.href);
      }
    }
    if (event.target.closest("[data-close]") && dialog.open) {
      event.preventDefault();
      dialog.close();
    }
  });

  dialog.addEventListener("close", () => {
    dialog.replaceChildren();
    const again = opener && (document.contains(opener) ? opener : document.getElementById(opener.id));
    (again || document.getElementById("main")).focus();
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 8000);
  });
}
