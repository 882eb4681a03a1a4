// Light or dark: what the reader chose here, else what the system says. Runs before the first paint.
const theme = (function () {
  "use strict";
  const KEY = "gridhaul-theme";
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const listeners = [];

  function remembered() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // a file opened from disk may have no storage
    }
  }

  function show(name) {
    root.dataset.theme = name;
    const button = document.getElementById("theme");
    if (button) button.setAttribute("aria-pressed", String(name === "dark"));
    for (const listener of listeners) listener();
  }

  function chosen() {
    return remembered() || (system.matches ? "dark" : "light");
  }

  show(chosen());
  system.addEventListener("change", () => show(chosen()));
  document.addEventListener("DOMContentLoaded", () => {
    show(root.dataset.theme);
    document.getElementById("theme").addEventListener("click", () => {
      const next = root.dataset.theme === "dark" ? "light" : "dark";
      try {
        localStorage.setItem(KEY, next);
      } catch {
        // then it holds until the page is closed
      }
      show(next);
    });
  });
  // Paper is white.
  let before = null;
  window.addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    show("light");
  });
  window.addEventListener("afterprint", () => {
    if (before) show(before);
  });
  return { onChange: (listener) => listeners.push(listener) };
})();
