import { errors } from "./errors";

try {
  errors();
} catch {} // the page must not know
