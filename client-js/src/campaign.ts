/** The campaign that the address names in its utm_ parameters, if any. */
export function campaign(): Record<string, string> | undefined {
  let found: Record<string, string> | undefined;
  if (location.search.includes("utm_")) {
    new URLSearchParams(location.search).forEach((value, parameter) => {
      const [, name] = parameter.split("utm_");
      if (name) found = { ...found, [name === "campaign" ? "name" : name]: value };
    });
  }
  return found;
}
