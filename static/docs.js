SwaggerUIBundle({
  dom_id: "#docs",
  urls: [
    { name: "Version 2", url: "/api/openapi-v2.json" },
    { name: "Version 1 (old clients)", url: "/api/openapi-v1.json" },
  ],
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  layout: "StandaloneLayout",
  deepLinking: true,
  tagsSorter: "alpha",
  persistAuthorization: false,
  validatorUrl: null,
});
