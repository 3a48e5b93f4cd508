"use client";

import { useEffect } from "react";
import { identify } from "tracker-kit";

export function Who() {
  useEffect(() => {
    identify("user-42", { plan: "pro" });
  }, []);
  return null;
}
