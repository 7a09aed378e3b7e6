// The web client: one call for all flags, kept, and renewed when the stream says so.
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
import { OpenFeature, ProviderEvents } from "@openfeature/web-sdk";
import { EventSource } from "eventsource";
import { answer, details } from "./lines.mjs";

const happened = [];
const waiting = new Set();

function tell(name, words = {}) {
  happened.push({ name, at: Date.now() / 1000, ...words });
  waiting.forEach((look) => look());
}

globalThis.EventSource = class extends EventSource {
  constructor(url) {
    super(url);
    this.addEventListener("open", () => tell("stream-open", { url }));
    this.addEventListener("message", ({ data, lastEventId }) => {
      tell("stream-message", { data: JSON.parse(data), id: lastEventId });
    });
    this.addEventListener("error", ({ code }) => {
      tell("stream-error", { url, status: code ?? null, closed: this.readyState === this.CLOSED });
    });
  }
};

const kept = new Map();
globalThis.localStorage = {
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, value) => kept.set(name, value),
  removeItem: (name) => kept.delete(name),
};

async function recordedFetch(request, options) {
  const asked = JSON.parse(await request.clone().text());
  const response = await fetch(request, options);
  tell("fetch", {
    query: new URL(request.url).search,
    asked,
    condition: request.headers.get("If-None-Match"),
    status: response.status,
    etag: response.headers.get("ETag"),
    type: response.headers.get("Content-Type"),
    body: response.status === 200 ? await response.clone().json() : null,
  });
  return response;
}

const client = OpenFeature.getClient();
for (const event of Object.values(ProviderEvents)) {
  client.addHandler(event, ({ flagsChanged, message }) => tell(event, { flagsChanged, message }));
}

let provider;

await answer({
  // `storage` is what an earlier visit left behind.
  async start({ url, headers, context, storage, options }) {
    Object.entries(storage ?? {}).forEach(([name, value]) => kept.set(name, value));
    await OpenFeature.setContext(context ?? {});
    provider = new OFREPWebProvider({
      baseUrl: url,
      headers: Object.entries(headers),
      fetchImplementation: recordedFetch,
      ...options,
    });
    // A refusal is told by the status.
    await OpenFeature.setProviderAndWait(provider).catch(() => undefined);
    return client.providerStatus;
  },
  evaluate: ({ key, fallback }) => details(client, key, fallback),
  status: () => client.providerStatus,
  storage: () => Object.fromEntries(kept),
  flags: () => provider.flagCache,
  async context({ context }) {
    await OpenFeature.setContext(context);
    return client.providerStatus;
  },
  happened: () => happened,
  // Gives the next thing of this name behind the first `after` things, when it has happened.
  wait: ({ name, after = 0, seconds = 20 }) =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = happened.slice(after).find((one) => one.name === name);
        if (found) {
          waiting.delete(look);
          clearTimeout(timer);
          resolve(found);
        }
      };
      const timer = setTimeout(() => {
        const names = happened.slice(after).map((one) => one.name);
        reject(new Error(`no ${name} in ${seconds} s, only ${names.join(", ") || "nothing"}`));
      }, seconds * 1000);
      waiting.add(look);
      look();
    }),
});
