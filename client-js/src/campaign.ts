/** The campaign that an address's query names in its utm_ parameters, if any. */
export const campaign = (search: string): Record<string, string> | undefined => {
  let found: Record<string, string> | undefined;
  for (const [name, value] of new URLSearchParams(search)) {
    if (name.startsWith("utm_")) found = { ...found, [name === "utm_campaign" ? "name" : name.slice(4)]: value };
  }
  return found;
};
