import { settings } from "./settings";

const SENSITIVE = ".*(token|secret|passw|pwd|mail|session|signature).*|.*key|auth|code|jwt|otp|sig";

/** An address without the query parameters that hold secrets or say who somebody is. */
export const redact = (address: string): string => {
  const sensitive = RegExp(`^&(${SENSITIVE},${settings.redact})=`.replace(/,/g, "|"), "i");
  return address
    .replace(/[?#]/g, "$&&") // so that each parameter has one, and what is before it does not go with it
    .split(/(?=[&#])/)
    .filter((part) => !sensitive.test(part))
    .join("")
    .replace(/([?#])&|[?#](?=#|$)/g, "$1");
};
