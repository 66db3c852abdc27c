// The switch between light, dark, and as the system has it. theme-first.js applies what was chosen earlier.

const KEY = "wirewatch.theme";
const ORDER = ["auto", "light", "dark"];

function kept() {
  try {
    const value = localStorage.getItem(KEY);
    return ORDER.includes(value) ? value : "auto";
  } catch {
    return "auto";
  }
}

function apply(theme) {
  if (theme === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = theme;
}

/** Make an element a switch between the three. */
export function themeSwitch(element) {
  const show = () => {
    element.dataset.now = kept();
    element.setAttribute("aria-label", `Colours: ${kept() === "auto" ? "as the system" : kept()}`);
    element.title = element.getAttribute("aria-label");
  };
  element.addEventListener("click", () => {
    const next = ORDER[(ORDER.indexOf(kept()) + 1) % ORDER.length];
    try { localStorage.setItem(KEY, next); } catch { /* Not kept, then. */ }
    apply(next);
    show();
  });
  show();
}
