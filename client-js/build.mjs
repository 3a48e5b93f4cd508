// Builds ../tracker/web/kit.js from src/, and copies the snippet beside it where Python reads it.
// `--check` builds in memory and fails when a committed file is not what the sources build to.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const web = new URL("../tracker/web/", import.meta.url);

const bundle = await build({
  absWorkingDir: here,
  entryPoints: ["src/kit.ts"],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2020",
  charset: "utf8",
  legalComments: "none",
  tsconfigRaw: {}, // without it "strict" adds a "use strict" that the bundle does not need
  write: false,
});

const built = {
  "kit.js": bundle.outputFiles[0].text,
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
