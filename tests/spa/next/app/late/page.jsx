// A page rendered at each request, whose title comes after its content.
import { connection } from "next/server";

export async function generateMetadata() {
  await connection();
  await new Promise((done) => setTimeout(done, 300));
  return { title: "Late" };
}

export default async function Late() {
  await connection();
  return <h1>Late</h1>;
}
