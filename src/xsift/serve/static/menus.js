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
  // By pointer and by key alike a summary is clicked. (Its toggle event comes later, and may come last.)
  document.addEventListener("click", (e) => {
    const mine = e.target.closest("details.menu > summary")?.parentElement;
    if (mine) for (const menu of opened()) if (menu !== mine) menu.open = false;
  }, { capture: true });
  // This event does not bubble.
  document.addEventListener("toggle", (e) => {
    if (e.target.matches("details.menu[open]")) inside(e.target.querySelector(".menu-list"));
  }, { capture: true });
}

// A menu near the right edge opens towards the left.
function inside(list) {
  if (!list) return;
  list.style.translate = "";
  const beyond = list.getBoundingClientRect().right - document.documentElement.clientWidth + 8;
  if (beyond > 0) list.style.translate = `${-beyond}px`;
}
