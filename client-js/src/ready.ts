/** Calls `fn` in a task of its own, where what it throws is the page's to see. */
export const ready = (fn?: () => void): unknown => fn && setTimeout(fn);
