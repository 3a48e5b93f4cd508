import { type Metric, onCLS, onFCP, onINP, onLCP, onTTFB } from "web-vitals";
import { type Track, trackOfPage } from "./trackOfPage";

/** Records Google's web vitals, one event each. Those that are only known when the user leaves are sent then. */
export function vitals(track: Track = trackOfPage): void {
  const tell = ({ name, value, rating, navigationType }: Metric) => {
    track("Web vital", { name, value: Math.round(value * 1000) / 1000, rating, navigationType });
  };
  for (const observe of [onCLS, onFCP, onINP, onLCP, onTTFB]) observe(tell);
}
