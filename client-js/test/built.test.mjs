// What can be checked without a browser. What the client does in one is tested in tests/ against the real server.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "node:test";
import vm from "node:vm";
import { gzipSync } from "node:zlib";

const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");

test("the committed client is what the sources build to", () => {
  execFileSync(process.execPath, [new URL("../build.mjs", import.meta.url).pathname, "--check"]);
});

test("the package has its types for bundlers and for Node.js", () => {
  const cwd = new URL("..", import.meta.url);
  execFileSync("npm", ["run", "--silent", "dist"], { cwd });
  for (const [module, resolution] of [["esnext", "bundler"], ["nodenext", "nodenext"]]) {
    const options = ["-p", "tsconfig.package.json", "--module", module, "--moduleResolution", resolution];
    const { stdout } = spawnSync("node_modules/.bin/tsc", options, { cwd, encoding: "utf8" });
    assert.equal(stdout, "", resolution);
  }
});

test("on a server the package does nothing, and keeps no process waiting", () => {
  const calls = `import * as kit from "tracker-kit";
    kit.init({ host: "http://127.0.0.1:9", writeKey: "wk" });
    await Promise.all([kit.page(), kit.track("x"), kit.identify("u"), kit.group("g"), kit.alias("a"), kit.reset(), kit.flush(), kit.ready()]);
    kit.track("never awaited");`;
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", calls], { cwd: new URL("..", import.meta.url), encoding: "utf8", timeout: 5000 });
  assert.deepEqual([status, stderr], [0, ""]);
});

test("the client stays within its size", () => {
  assert.ok(gzipSync(read("../../tracker/web/kit.js"), { level: 9 }).length <= 3072);
});

test("the stub keeps every early call, in order, with its arguments and time", () => {
  const window = {};
  vm.runInNewContext(read("../src/snippet.html").match(/<script>(.*?)<\/script>/)[1], { window, Date });
  const before = Date.now();
  window.kit.identify("u1", { plan: "free" });
  window.kit.track("Early");
  const calls = Array.from(window.kit, ([name, args, time]) => [name, ...args, time >= before]);
  assert.deepEqual(calls, [
    ["identify", "u1", { plan: "free" }, true],
    ["track", "Early", true],
  ]);
});

test("a page whose document lacks everything is not harmed", () => {
  const page = { window: {}, document: {}, crypto, addEventListener() {}, setTimeout: (fn) => fn() };
  vm.runInNewContext(read("../../tracker/web/kit.js"), page);
});
