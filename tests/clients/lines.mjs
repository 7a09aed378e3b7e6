// One JSON line in, one JSON line out: {"do": "evaluate", ...} gives {"gave": ...} or {"failed": "..."}.
import { createInterface } from "node:readline";

const LONGEST_LIFE_MS = 120_000;

export async function answer(actions) {
  setTimeout(() => process.exit(1), LONGEST_LIFE_MS).unref();
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: action, ...words } = JSON.parse(line);
    let told;
    try {
      told = { gave: (await actions[action](words)) ?? null };
    } catch (error) {
      told = { failed: `${error.name}: ${error.message}`, code: error.code ?? null };
    }
    process.stdout.write(`${JSON.stringify(told)}\n`);
  }
  process.exit(0);
}

// The kind of the default decides which kind of value is asked for, as in the SDKs.
export function details(client, key, fallback, ...context) {
  const method = {
    boolean: "getBooleanDetails",
    string: "getStringDetails",
    number: "getNumberDetails",
    object: "getObjectDetails",
  }[typeof fallback];
  return client[method](key, fallback, ...context);
}
