// The client of Node servers: one call per evaluation.
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature } from "@openfeature/server-sdk";
import { answer, details } from "./lines.mjs";

const client = OpenFeature.getClient();

await answer({
  async start({ url, headers }) {
    const provider = new OFREPProvider({ baseUrl: url, headers: Object.entries(headers) });
    await OpenFeature.setProviderAndWait(provider);
    return client.providerStatus;
  },
  evaluate: ({ key, fallback, context }) => details(client, key, fallback, context ?? undefined),
});
