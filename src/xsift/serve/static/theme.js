// Light, dark, or as the system has it.

const ORDER = ["auto", "light", "dark"];
const SIGNS = { auto: "◐", light: "☀", dark: "☾" };

export function makeTheme(redraw) {
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  let theme = stored();
  const apply = () => {
    const isDark = theme === "dark" || (theme === "auto" && system.matches);
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    button.textContent = SIGNS[theme];
    button.setAttribute("aria-label", `Colours: ${theme}. Press for another`);
    button.title = `Colours: ${theme}`;
  };
  apply();
  const change = () => {
    apply();
    if (document.body.dataset.ready) redraw();
  };
  system.addEventListener("change", change);
  button.addEventListener("click", () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
    try {
      localStorage.setItem("xsift-theme", theme);
    } catch {
      // No storage: the choice holds for this visit.
    }
    change();
  });
}

function stored() {
  try {
    const kept = localStorage.getItem("xsift-theme");
    return ORDER.includes(kept) ? kept : "auto";
  } catch {
    return "auto";
  }
}
