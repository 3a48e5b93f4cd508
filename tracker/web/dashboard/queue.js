// A server, or a Lambda account, is not asked everything at once.
const AT_ONCE = 3;

/** @type {(() => Promise<void>)[]} */
const waiting = [];
let running = 0;

/**
 * Do something once there is room for it.
 *
 * @template T
 * @param {() => Promise<T>} task
 * @returns {Promise<T>}
 */
export function queued(task) {
  return new Promise((resolve, reject) => {
    waiting.push(() => task().then(resolve, reject));
    next();
  });
}

async function next() {
  if (running >= AT_ONCE) return;
  const task = waiting.shift();
  if (!task) return;
  running += 1;
  try {
    await task();
  } finally {
    running -= 1;
    next();
  }
}
