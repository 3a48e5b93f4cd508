import type { Properties } from "../types";

export type Track = (event: string, properties?: Properties) => unknown;

/** The page's own `kit.track`: the stub's or the client's. Where there is neither, nothing is recorded. */
export const trackOfPage: Track = (event, properties) => window.kit?.track?.(event, properties);
