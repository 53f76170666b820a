// What needs a script: copy buttons, times that grow older, live tails, menus that close. Every page works without it.
(() => {
  "use strict";
  const root = document.documentElement;
  root.dataset.js = "";

  const say = text => {
    const box = document.getElementById("announce");
    if (box) box.textContent = text;
  };

  document.addEventListener("click", async event => {
    const button = event.target.closest("[data-copy]");
    if (button) {
      const from = button.dataset.copy ? null : document.getElementById(button.dataset.copyFrom);
      try {
        await navigator.clipboard.writeText(button.dataset.copy || (from ? from.textContent : ""));
        button.dataset.copied = "";
        say("Copied");
        setTimeout(() => delete button.dataset.copied, 1500);
      } catch {
        say("The browser does not let this page copy");
      }
    }
    for (const open of document.querySelectorAll("details.menu[open], details.ask[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });

  document.addEventListener("keydown", event => {
    if (event.key === "Escape") {
      for (const open of document.querySelectorAll("details.menu[open], details.ask[open]")) {
        open.open = false;
        open.querySelector("summary").focus();
      }
    }
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) {
      const search = document.querySelector("input[type=search]");
      if (search) {
        event.preventDefault();
        search.focus();
      }
    }
  });

  // The same words as Ui/Words.cs.
  const age = seconds => {
    const past = seconds >= 0;
    const s = Math.abs(seconds);
    const [n, unit] = s < 60 ? [Math.floor(s), "s"] : s < 3600 ? [Math.floor(s / 60), "min"] : s < 86400 ? [Math.floor(s / 3600), "h"] : [Math.floor(s / 86400), "d"];
    if (s < 2) return "now";
    return past ? `${n} ${unit} ago` : `in ${n} ${unit}`;
  };
  const refresh = () => {
    for (const time of document.querySelectorAll("time[data-age]")) {
      const at = Date.parse(time.dateTime);
      if (Math.abs(Date.now() - at) < 30 * 86400e3) time.textContent = age((Date.now() - at) / 1000);
    }
  };
  setInterval(refresh, 5000);

  // A link into something that is folded unfolds it.
  const unfold = () => {
    const at = document.getElementById(location.hash.slice(1));
    if (at?.matches("details")) at.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();

  // A page whose work goes on shows itself anew, unless somebody is typing in it.
  const again = document.querySelector("[data-refresh]");
  if (again) {
    setTimeout(() => {
      if (!/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "") && !document.querySelector("details.ask[open], details.attempt[open]")) location.reload();
    }, Number(again.dataset.refresh));
  }

  // A live tail: the server sends rows as it draws them, newest first.
  for (const list of document.querySelectorAll("[data-live]")) {
    const button = document.querySelector(`[data-live-switch="${list.id}"]`);
    const label = button?.querySelector("[data-live-label]");
    let source = null;
    const most = 200;
    const start = () => {
      source = new EventSource(list.dataset.live);
      source.addEventListener("rows", event => {
        const template = document.createElement("template");
        template.innerHTML = JSON.parse(event.data).rows.reverse().join("");
        // Oldest first: a row that is there changes in its place, a new one goes on top.
        for (const row of [...template.content.children]) {
          const old = document.getElementById(row.id);
          old ? old.replaceWith(row) : list.prepend(row);
        }
        while (list.children.length > most) list.lastElementChild.remove();
        document.getElementById(list.dataset.liveEmpty)?.remove();
        refresh();
      });
    };
    const stop = () => {
      source?.close();
      source = null;
    };
    const show = () => {
      button?.setAttribute("aria-pressed", source ? "true" : "false");
      if (label) label.textContent = source ? "Live" : "Paused";
    };
    button?.addEventListener("click", () => {
      source ? stop() : start();
      show();
    });
    start();
    show();
  }
})();
