/** A random id of 96 bits. */
// Not randomUUID: that is missing on plain-http pages (https://w3c.github.io/webcrypto/#Crypto-interface), and longer.
export const id = (): string => crypto.getRandomValues(new Uint32Array(3)).join("");
