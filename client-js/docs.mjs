// Writes ../docs/client-api.md from the comments in src/types.ts, where everything a page can set and call is.
// One source: what an editor shows beside a call is what the page says. build.mjs calls it, and checks it.
import { readFile } from "node:fs/promises";

const OPENING = `# The browser client, call by call

Made from the comments in \`client-js/src/types.ts\` by \`npm run build\` in \`client-js\`: change them there.
`;

/** The members of an interface: each with its comment and its signatures, overloads together. */
function members(text, name) {
  const body = new RegExp(`export interface ${name} \\{\\n(.*?)\\n\\}`, "s").exec(text)[1];
  const found = [];
  let comment = "";
  for (const [, said, signature] of body.matchAll(/^ {2}(?:\/\*\* (.*?) \*\/|(\S[^\n]*;))$/gms)) {
    if (said) comment = said.replace(/\s*\n\s*\*?\s*/g, " ");
    else if (comment) found.push({ comment, signatures: [signature] }), (comment = "");
    else found.at(-1)?.signatures.push(signature);
  }
  return found;
}

const attribute = (name) => `data-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

export async function docs() {
  const text = await readFile(new URL("src/types.ts", import.meta.url), "utf8");
  const calls = members(text, "Calls").map(({ comment, signatures }) => `\`\`\`ts\n${signatures.map((s) => `kit.${s}`).join("\n")}\n\`\`\`\n\n${comment}\n`);
  const options = members(text, "Options").map(({ comment, signatures: [signature] }) => {
    const name = /^\w+/.exec(signature)[0];
    const tag = name === "beforeSend" ? "`kit.beforeSend(fn)`" : `\`${attribute(name)}\``;
    return `| \`${name}\` | ${tag} | ${comment} |`;
  });
  return [
    OPENING,
    "## Calls\n",
    "The stub keeps calls in memory until the client has loaded: those of a page that is left before that are lost. Once it has loaded they are sent, also when the page is left while it is still being read. A second tag on the page does nothing, whatever its write key.\n",
    ...calls,
    "## Settings\n",
    "An attribute without a value is on; `=\"false\"` is off.\n",
    "| `init({ … })` of the npm package | the script's tag | meaning |\n|---|---|---|",
    ...options,
    "",
  ].join("\n");
}
