"use client";

import { track } from "tracker-kit";

export function Buy() {
  if (typeof window === "undefined") track("Rendered on the server");
  return <button onClick={() => track("Bought", { price: 24 })}>Buy</button>;
}
