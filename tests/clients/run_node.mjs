// Makes the calls of each line of standard input with @segment/analytics-node, as set up by the
// lines of docs/clients.md (the module of the first argument); answers with what the library
// reported as failed.
import { createInterface } from "node:readline";

const { analytics } = await import(process.argv[2]);
const failed = [];
analytics.on("error", ({ reason }) => failed.push(String(reason?.message ?? reason)));

for await (const line of createInterface({ input: process.stdin })) {
  for (const [method, message] of JSON.parse(line)) analytics[method](message);
  await analytics.flush();
  console.log(JSON.stringify(failed.splice(0)));
}
