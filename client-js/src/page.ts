import { record } from "./record";
import type { Properties } from "./types";

/** A page view: `page(name?, properties?)` or `page(category, name, properties?)`. */
export const page = (...args: (string | Properties | undefined)[]): void => {
  const names = args.filter((arg) => typeof arg === "string");
  record("page", {
    name: names.pop(),
    category: names.pop(),
    properties: args.find((arg) => typeof arg === "object"),
  });
};
