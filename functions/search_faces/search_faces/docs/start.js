const address = new URL("openapi.json", document.baseURI).href;

// Swagger UI fills every field with its default or with something made up, and sends it all. So
// those in the address start empty, and a form shows its files only: an option given in both, or
// an empty one, is refused.
function emptied(response) {
  if (response.url !== address || !response.ok) return response;
  const told = JSON.parse(response.text);
  for (const operation of Object.values(told.paths).flatMap(Object.values)) {
    for (const parameter of operation.parameters ?? []) {
      const { schema } = parameter;
      if (schema.type === "object") parameter.example = {};
    }
    const form = operation.requestBody?.content["multipart/form-data"]?.schema;
    for (const [name, field] of Object.entries(form?.properties ?? {})) {
      if ((field.items ?? field).format !== "binary") delete form.properties[name];
    }
  }
  response.text = JSON.stringify(told);
  return response;
}

// Swagger UI names few of its fields for screen readers, and lets the keyboard scroll no example.
function named() {
  const fields = "#swagger-ui :is(select, textarea, input):not([aria-label], [type=submit])";
  for (const field of document.querySelectorAll(fields)) {
    // The label around the list of servers has no text.
    if (field.labels?.length && field.id !== "servers") continue;
    const name = field.closest("[data-param-name]")?.dataset.paramName;
    const kind = field.id === "servers" ? "Server" : field.matches(".examples-select-element") && "Example";
    field.setAttribute("aria-label", name ?? (kind || field.title || field.name || "Value"));
  }
  for (const example of document.querySelectorAll("#swagger-ui pre:not([tabindex])")) example.tabIndex = 0;
}
new MutationObserver(named).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });

SwaggerUIBundle({
  url: address,
  dom_id: "#swagger-ui",
  // A link within a button is for nobody who does not use a mouse.
  deepLinking: false,
  // It would send the document's address to another server.
  validatorUrl: null,
  tryItOutEnabled: true,
  responseInterceptor: emptied,
});
