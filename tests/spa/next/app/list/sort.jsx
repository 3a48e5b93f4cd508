"use client";

import { useRouter } from "next/navigation";

export function Sort() {
  const router = useRouter();
  return <button onClick={() => router.replace("/list?sort=price")}>Sort</button>;
}
