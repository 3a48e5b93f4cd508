// The read API. Everything that goes wrong is a `Failure`, which `states.js` can show.
import { current } from "./address.js";
import { sites, token } from "./session.js";

const prefix = document.querySelector('meta[name="api"]')?.getAttribute("content") ?? "";
const PATIENCE = 35_000; // API Gateway gives up after 29 seconds

/** @typedef {Record<string, string | number | undefined | null>} Query */

export class Failure extends Error {
  /**
   * @param {number} status 0 where there was no answer
   * @param {string} message
   * @param {Record<string, any>} [problem] the answer's body
   */
  constructor(status, message, problem = {}) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

/** The site that is looked at: undefined where the token reads but one. */
export const site = () => current().query.site || sites()[0];

/**
 * @param {string} method
 * @param {string} path
 * @param {{ query?: Query, signal?: AbortSignal, body?: unknown, token?: string | null, etag?: string }} [options]
 * @returns {Promise<Response>}
 */
async function ask(method, path, { query = {}, signal, body, token: own, etag } = {}) {
  const url = new URL(`.${prefix}${path}`, document.baseURI);
  for (const [name, value] of Object.entries({ site: own === undefined ? site() : undefined, ...query })) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, String(value));
  }
  /** @type {Record<string, string>} */
  const headers = { authorization: `Bearer ${own ?? token() ?? ""}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (etag) headers["if-none-match"] = etag;
  const signals = [AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])];
  try {
    return await fetch(url, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.any(signals),
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    const late = error instanceof DOMException && error.name === "TimeoutError";
    throw new Failure(
      0,
      late
        ? "The server took too long to answer."
        : "The server does not answer. Is it running, and is this machine online?",
    );
  }
}

/**
 * What an answer says. Throws a `Failure` if it is not a success.
 *
 * @param {Response} response
 */
async function content(response) {
  let body;
  try {
    body = await response.json();
  } catch {
    throw new Failure(response.status, `The server answered with status ${response.status}, and no JSON.`);
  }
  if (!response.ok)
    throw new Failure(response.status, String(body?.detail ?? body?.message ?? response.statusText), body);
  return body;
}

/**
 * @param {string} path
 * @param {Query} [query]
 * @param {AbortSignal} [signal]
 */
export const read = async (path, query, signal) => content(await ask("GET", path, { query, signal }));

/**
 * Every row of a list, page by page, up to a bound.
 *
 * @param {string} path
 * @param {Query} query
 * @param {AbortSignal} [signal]
 * @param {number} [most]
 * @returns {Promise<any[]>}
 */
export async function readAll(path, query, signal, most = Infinity) {
  const rows = [];
  let cursor;
  do {
    const page = await read(path, { limit: 1000, ...query, cursor }, signal);
    rows.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor && rows.length < most);
  return rows;
}

/**
 * What has changed since an answer with this ETag: null if nothing has.
 *
 * @param {string} path
 * @param {string | undefined} etag
 * @param {AbortSignal} signal
 */
export async function readChanged(path, etag, signal) {
  const response = await ask("GET", path, { etag, signal });
  if (response.status === 304) return null;
  return { body: await content(response), etag: response.headers.get("etag") ?? undefined };
}

/**
 * @param {string} path
 * @param {Query} [query]
 * @param {unknown} [body]
 */
export const post = async (path, query, body) => content(await ask("POST", path, { query, body }));

/**
 * @param {string} path
 * @returns {Promise<{ done: boolean, body: any }>} Not done: the same again goes on.
 */
export async function remove(path) {
  const response = await ask("DELETE", path);
  return { done: response.status !== 202, body: await content(response) };
}

/**
 * The sites that a token may choose from: none where it reads but one. Throws a `Failure` with
 * status 401 if nobody knows the token.
 *
 * @param {string} own
 * @returns {Promise<string[]>}
 */
export async function sitesOf(own) {
  const response = await ask("GET", "/v1/failed-events", { token: own, query: { limit: 1 } });
  try {
    await content(response);
    return [];
  } catch (error) {
    if (error instanceof Failure && Array.isArray(error.problem.sites)) return error.problem.sites;
    throw error;
  }
}
