// The server's answers. An error is an Error with the server's own line.

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer: is xsift serve still running?");
  }
  if (answer.ok) return answer;
  let detail = "";
  try {
    detail = (await answer.json()).detail;
  } catch {
    // No JSON: the status must do.
  }
  const error = new Error(typeof detail === "string" && detail ? detail : `The server said ${answer.status}`);
  error.status = answer.status;
  throw error;
}

export const json = async (path, options) => (await ask(path, options)).json();
export const bytes = async (path, options) => (await ask(path, options)).arrayBuffer();
export const blob = async (path, options) => (await ask(path, options)).blob();

// Send a file (or text) to be classified; nothing of it is kept.
export function classify(body, name, format, parameters) {
  const query = new URLSearchParams({ format, ...parameters });
  const options = {
    method: "POST",
    body,
    headers: {
      "Content-Type": "application/octet-stream",
      "X-Xsift": "1",
      "X-Filename": encodeURIComponent(name),
    },
  };
  const path = `/api/classify?${query}`;
  return format === "json" ? json(path, options) : blob(path, options);
}
