// Who reads: a read token, kept for this tab only, and the sites that it may read.
const TOKEN = "token";
const SITES = "sites";

/** @returns {string | null} */
export const token = () => sessionStorage.getItem(TOKEN);

/**
 * @param {string} token
 * @param {string[]} sites Those to choose from: none where the token reads but one.
 */
export function begin(token, sites) {
  sessionStorage.setItem(TOKEN, token);
  sessionStorage.setItem(SITES, JSON.stringify(sites));
}

export function end() {
  sessionStorage.removeItem(TOKEN);
  sessionStorage.removeItem(SITES);
}

/** @returns {string[]} */
export const sites = () => JSON.parse(sessionStorage.getItem(SITES) ?? "[]");
