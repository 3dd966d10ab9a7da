// One quiet line at the top of the page; each is said once.

const said = new Set();

export function notice(text, { again = false } = {}) {
  if (said.has(text) && !again) return;
  said.add(text);
  const line = document.getElementById("notice");
  line.textContent = text;
  line.hidden = false;
  clearTimeout(notice.timer);
  notice.timer = setTimeout(() => (line.hidden = true), 12_000);
}
