// Builds the React and Vue apps with Vite: node build.mjs
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import vue from "@vitejs/plugin-vue";
import { build } from "vite";

const apps = { react: ["index.html", "effect.html"], vue: ["index.html", "hash.html"] };
// In React's development build alone StrictMode runs effects twice.
process.env.NODE_ENV = "development";

for (const [app, input] of Object.entries(apps)) {
  const root = fileURLToPath(new URL(app, import.meta.url));
  await build({
    root,
    configFile: false,
    mode: "development",
    logLevel: "warn",
    plugins: [react(), vue()],
    build: { rolldownOptions: { input: input.map((page) => `${root}/${page}`) } },
  });
}
