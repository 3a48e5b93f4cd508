// A page whose title is known only after its data.
import { useEffect, useState } from "react";

export function Component() {
  const [name, setName] = useState();
  useEffect(() => {
    const timer = setTimeout(setName, 300, "Late");
    return () => clearTimeout(timer);
  }, []);
  return name && (
    <>
      <title>{name}</title>
      <h1>{name}</h1>
    </>
  );
}
