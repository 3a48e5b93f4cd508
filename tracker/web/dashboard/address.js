// The address after its `#` holds the state: `#/person?user=ada`. So every view can be shared, and
// kept as a bookmark. It never leaves the browser: what is looked at is in no server's log.

/** @typedef {{ view: string, query: Record<string, string> }} Address */

/** @returns {Address} */
export function current() {
  const [path = "", search = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { view: path || "overview", query: Object.fromEntries(new URLSearchParams(search)) };
}

/**
 * The address of a view. The site, if one is chosen, is carried on.
 *
 * @param {string} view
 * @param {Record<string, string | undefined>} [query] What is undefined or empty is left out.
 */
export function link(view, query = {}) {
  const given = Object.entries({ site: current().query.site, ...query }).filter(([, value]) => value);
  const search = new URLSearchParams(/** @type {[string, string][]} */ (given)).toString();
  return `#/${view}${search ? `?${search}` : ""}`;
}

/**
 * The address of the same view, with some of its state changed.
 *
 * @param {Record<string, string | undefined>} changes
 */
export function changed(changes) {
  const { view, query } = current();
  return link(view, { ...query, ...changes });
}

/** @param {string} address */
export function go(address) {
  location.hash = address;
}
