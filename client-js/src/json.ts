/** `fields` as JSON; what JSON cannot carry of its properties and traits is left out. */
export const json = (fields: any, depth = 2): string => {
  try {
    return JSON.stringify(fields);
  } catch (error) {
    if (!depth) throw error;
    const kept: Record<string, unknown> = {};
    for (const name of Object.keys(fields)) {
      try {
        kept[name] = JSON.parse(json(fields[name], depth - 1));
      } catch {}
    }
    return JSON.stringify(kept);
  }
};
