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

SwaggerUIBundle({
  url: address,
  dom_id: "#swagger-ui",
  deepLinking: true,
  // It would send the document's address to another server.
  validatorUrl: null,
  tryItOutEnabled: true,
  responseInterceptor: emptied,
});
