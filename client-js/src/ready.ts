/** Calls `fn` in a task of its own, where what it throws is the page's to see. */
export function ready(fn: () => void): void {
  if (typeof fn === "function") setTimeout(fn);
}
