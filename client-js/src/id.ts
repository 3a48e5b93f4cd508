/** A random id of 128 bits. */
// Not randomUUID: that is missing on plain-http pages (https://w3c.github.io/webcrypto/#Crypto-interface), and longer.
export const id = (): string => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("");
