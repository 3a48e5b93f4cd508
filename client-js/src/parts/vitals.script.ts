import { vitals } from "./vitals";

try {
  vitals();
} catch {} // the page must not know
