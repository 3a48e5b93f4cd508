// What can be checked without a browser. What the client does in one is tested in tests/ against the real server.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "node:test";
import vm from "node:vm";
import { gzipSync } from "node:zlib";

const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");

test("the committed client is what the sources build to", () => {
  execFileSync(process.execPath, [new URL("../build.mjs", import.meta.url).pathname, "--check"]);
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

test("a page without a document is not harmed", () => {
  vm.runInNewContext(read("../../tracker/web/kit.js"), { window: {}, document: {}, crypto });
});
