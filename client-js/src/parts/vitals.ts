import { type Metric, onCLS, onFCP, onINP, onLCP, onTTFB } from "web-vitals";
import { type Track, trackOfPage } from "./trackOfPage";

/** Records Google's web vitals, one event each. `flush` sends those that are only known when the user leaves. */
export function vitals(track: Track = trackOfPage, flush: () => unknown = () => window.kit?.flush?.()): void {
  const tell = ({ name, value, rating, navigationType }: Metric) => {
    track("Web vital", { name, value: Math.round(value * 1000) / 1000, rating, navigationType });
    // The page may be gone in a moment, and the client has already been told.
    if (document.hidden) flush();
  };
  for (const observe of [onCLS, onFCP, onINP, onLCP, onTTFB]) observe(tell);
}
