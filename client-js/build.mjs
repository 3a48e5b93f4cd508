// Builds ../tracker/web/kit.js from src/, copies the snippet beside it where Python reads it, and tells the README.
// `--check` builds in memory and fails when a committed file is not what the sources build to.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";
import { docs } from "./docs.mjs";

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

// What is unsafe is so for code that redefines what is built in, or whose getters do things: ours does not.
const TIGHTEST = { passes: 5, unsafe: true, unsafe_arrows: true, unsafe_math: true, unsafe_methods: true, pure_getters: true, keep_fargs: false, inline: 1 };

/** The bundle as small as it gets once it is gzipped: terser packs tighter than esbuild, helped by two facts it cannot see. */
async function script(entry) {
  // esbuild makes every top-level `const` a `var`; what is constant terser may put in its place.
  const text = (await bundle(entry)).replace(/^  var ([A-Z][A-Z0-9_]+ = |\w+ = (async )?\(.*\) =>)/gm, "  const $1");
  const pack = async (code, options) => (await minify(code, { ecma: 2020, toplevel: true, ...options })).code;
  if (entry !== "kit.ts") return pack(text);
  // One keyword for all declarations, so that terser can join them; and a block, which `let` stays in, for the
  // function around them. Names are shortened once: a second time they would repeat less, and pack worse.
  const code = await pack(text, { compress: TIGHTEST, mangle: false });
  const again = await pack(code.replace(/\b(const|var)(?=[ {[])/g, "let"), { compress: TIGHTEST });
  const whole = /^\(\(\)=>(\{.*\})\)\(\);$/s.exec(again);
  if (!whole || /[{;]function |\bvar /.test(again)) throw new Error(`${entry}: not the form that is understood here`);
  return whole[1];
}

const read = (name) => readFile(new URL(name, import.meta.url), "utf8");

// The licence of what is not our own goes with it.
const vitals = JSON.parse(await read("node_modules/web-vitals/package.json"));
const notice = `/*! web-vitals ${vitals.version}, Copyright Google LLC, ${vitals.license}: LICENSE-web-vitals.txt */\n`;
const snippet = await read("src/snippet.html");

/** For pages: each file as it lies in tracker/web. */
const built = {
  "kit.js": await script("kit.ts"),
  "kit-stub.js": `${/<script>(.*?)<\/script>/.exec(snippet)[1]}\n`,
  "kit-auto.js": await script("parts/auto.script.ts"),
  "kit-errors.js": await script("parts/errors.script.ts"),
  "kit-vitals.js": notice + (await script("parts/vitals.script.ts")),
  "LICENSE-web-vitals.txt": await read("node_modules/web-vitals/LICENSE"),
  "snippet.html": snippet,
  "../../docs/client-api.md": await docs(),
};
// The README pins the script as tracker/assets.py names it: by its content.
const hash = (encoding) => createHash("sha384").update(built["kit.js"]).digest(encoding);
built["../../README.md"] = (await read("../README.md"))
  .replace(/kit-[0-9a-f]{12}\.js/g, `kit-${hash("hex").slice(0, 12)}.js`)
  .replace(/sha384-[\w+/=]+/g, `sha384-${hash("base64")}`);
const gzipped = (text) => gzipSync(text, { level: 9 }).length;

if (process.argv.includes("--dist")) {
  // For npm: modules, whose names a bundler shortens.
  await mkdir(new URL("dist/", import.meta.url), { recursive: true });
  for (const [name, entry] of [["index", "index.ts"], ["auto", "parts/auto.ts"], ["errors", "parts/errors.ts"], ["vitals", "parts/vitals.ts"]]) {
    await writeFile(new URL(`dist/${name}.js`, import.meta.url), (name === "vitals" ? notice : "") + (await bundle(entry, "esm")));
  }
  // tsc has written the types before; under "nodenext" an import of theirs needs its ending.
  for (const name of await readdir(new URL("dist/", import.meta.url), { recursive: true })) {
    if (name.endsWith(".d.ts")) await writeFile(new URL(`dist/${name}`, import.meta.url), (await read(`dist/${name}`)).replace(/(from "\..*?)(\.js)?"/g, '$1.js"'));
  }
  await writeFile(new URL("dist/LICENSE-web-vitals.txt", import.meta.url), built["LICENSE-web-vitals.txt"]);
} else if (process.argv.includes("--check")) {
  for (const [name, text] of Object.entries(built)) {
    const committed = await readFile(new URL(name, web), "utf8").catch(() => "");
    if (committed !== text) {
      console.error(`tracker/web/${name} is not what client-js/src builds to: run "npm run build" in client-js and commit it`);
      process.exit(1);
    }
  }
} else {
  for (const [name, text] of Object.entries(built)) await writeFile(new URL(name, web), text);
  for (const [name, text] of Object.entries(built)) if (name.endsWith(".js")) console.log(`tracker/web/${name}: ${text.length} bytes, ${gzipped(text)} gzipped`);
}
