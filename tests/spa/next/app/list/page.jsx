import { Sort } from "./sort";

export async function generateMetadata({ searchParams }) {
  return { title: `List by ${(await searchParams).sort ?? "name"}` };
}

export default async function List({ searchParams }) {
  return (
    <>
      <h1>List by {(await searchParams).sort ?? "name"}</h1>
      <Sort />
    </>
  );
}
