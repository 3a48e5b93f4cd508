import { settings } from "./settings";

const SENSITIVE = ".*(token|secret|key|passw.*|pwd|mail|session)|auth|code|jwt|otp|sig";

/** An address without the query parameters that hold secrets or say who somebody is. */
export const redact = (address: string): string => {
  const sensitive = RegExp(`^.(${SENSITIVE},${settings.redact})=`.replace(/,/g, "|"), "i");
  return address
    .split(/(?=[?&#])/)
    .filter((part) => !sensitive.test(part))
    .join("")
    .replace(/^([^?]*)&/, "$1?");
};
