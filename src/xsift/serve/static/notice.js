// One quiet line at the top of the page; each is said once. It goes with the view that it was said in.

import { el } from "./dom.js";
import { onChange } from "./state.js";

const said = new Set();
const line = () => document.getElementById("notice");

export function notice(text, { again = false } = {}) {
  if (said.has(text) && !again) return;
  said.add(text);
  line().replaceChildren(el("span", {}, text),
    el("button", { type: "button", class: "quiet round", "aria-label": "Close this message", onclick: clearNotice }, "×"));
  line().hidden = false;
  clearTimeout(notice.timer);
  notice.timer = setTimeout(clearNotice, 12_000);
}

export function clearNotice() {
  clearTimeout(notice.timer);
  line().hidden = true;
}

onChange((keys) => keys.has("view") && clearNotice());
