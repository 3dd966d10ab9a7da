// Menus (details.menu): one is open at a time; Escape and a press outside close it.

const opened = () => document.querySelectorAll("details.menu[open]");

export function watchMenus() {
  document.addEventListener("pointerdown", (e) => {
    for (const menu of opened()) if (!menu.contains(e.target)) menu.open = false;
  });
  // Before the card's listener: the key closes one thing at a time.
  document.addEventListener("keydown", (e) => {
    const [menu] = opened();
    if (e.key !== "Escape" || !menu) return;
    e.stopImmediatePropagation();
    e.preventDefault();
    menu.open = false;
    menu.querySelector("summary").focus();
  }, { capture: true });
  // The event of a details element does not bubble.
  document.addEventListener("toggle", (e) => {
    if (!e.target.matches("details.menu[open]")) return;
    for (const menu of opened()) if (menu !== e.target) menu.open = false;
    inside(e.target.querySelector(".menu-list"));
  }, { capture: true });
}

// A menu near the right edge opens towards the left.
function inside(list) {
  if (!list) return;
  list.style.translate = "";
  const beyond = list.getBoundingClientRect().right - document.documentElement.clientWidth + 8;
  if (beyond > 0) list.style.translate = `${-beyond}px`;
}
