/** A random UUID (version 4). */
export function id(): string {
  // randomUUID is missing on plain-http pages: https://w3c.github.io/webcrypto/#Crypto-interface ([SecureContext])
  if (crypto.randomUUID) return crypto.randomUUID();
  const random = crypto.getRandomValues(new Uint8Array(36));
  return "xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx".replace(/x/g, (_, place) => (random[place]! & 15).toString(16));
}
