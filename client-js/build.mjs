// Builds ../tracker/web/kit.js from src/, and copies the snippet beside it where Python reads it.
// `--check` builds in memory and fails when a committed file is not what the sources build to.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

const here = fileURLToPath(new URL(".", import.meta.url));
const web = new URL("../tracker/web/", import.meta.url);

async function bundle(entry, format = "iife") {
  const { outputFiles } = await build({
    absWorkingDir: here,
    entryPoints: [`src/${entry}`],
    bundle: true,
    format,
    target: "es2020",
    charset: "utf8",
    legalComments: "none",
    tsconfigRaw: {}, // without it "strict" adds a "use strict" that the bundle does not need
    write: false,
  });
  return outputFiles[0].text;
}

/** The bundle as small as it gets once it is gzipped: terser packs tighter than esbuild, helped by two facts it cannot see. */
async function script(entry) {
  // esbuild makes every top-level `const` a `var`; what is constant terser may put in its place.
  const text = (await bundle(entry)).replace(/^  var ([A-Z][A-Z0-9_]+ = |\w+ = (async )?\(.*\) =>)/gm, "  const $1");
  const { code } = await minify(text, {
    ecma: 2020,
    toplevel: true,
    compress: { passes: 5, unsafe: true, unsafe_arrows: true, unsafe_math: true, unsafe_methods: true, pure_getters: true, keep_fargs: false },
  });
  // One keyword for all declarations, and a block, which `let` stays in, for the function around them.
  const whole = /^\(\(\)=>(\{.*\})\)\(\);$/s.exec(code);
  if (!whole || /[{;]function /.test(code)) throw new Error(`${entry}: not the form that is understood here`);
  return whole[1].replace(/\b(const|var) /g, "let ");
}

const built = {
  "kit.js": await script("kit.ts"),
  "snippet.html": await readFile(new URL("src/snippet.html", import.meta.url), "utf8"),
};

if (process.argv.includes("--check")) {
  for (const [name, text] of Object.entries(built)) {
    const committed = await readFile(new URL(name, web), "utf8").catch(() => "");
    if (committed !== text) {
      console.error(`tracker/web/${name} is not what client-js/src builds to: run "npm run build" in client-js and commit it`);
      process.exit(1);
    }
  }
} else {
  for (const [name, text] of Object.entries(built)) await writeFile(new URL(name, web), text);
  console.log(`tracker/web/kit.js: ${built["kit.js"].length} bytes, ${gzipSync(built["kit.js"], { level: 9 }).length} gzipped`);
}
