import { auto } from "./auto";

try {
  auto();
} catch {} // the page must not know
