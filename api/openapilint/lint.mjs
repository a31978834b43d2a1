// Prints what the linter of Redocly CLI, with its rules "recommended", says of an OpenAPI file: one line for each finding, SEVERITY RULE PLACE.
import { createConfig, lint } from "@redocly/openapi-core";

for (const p of await lint({ ref: process.argv[2], config: await createConfig({ extends: ["recommended"] }) })) {
  console.log(p.severity, p.ruleId, p.location[0].pointer);
}
