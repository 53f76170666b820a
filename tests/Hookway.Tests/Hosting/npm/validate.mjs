// Reads documents from stdin, one a line; prints for each whether the schema of its OpenAPI version accepts it, and the version.
import { createInterface } from "node:readline";
import { Validator } from "@seriousme/openapi-schema-validator";

for await (const line of createInterface({ input: process.stdin })) {
  const validator = new Validator();
  const result = await validator.validate(JSON.parse(line));
  console.log(JSON.stringify({ valid: result.valid, version: validator.version, errors: JSON.stringify(result.errors ?? null) }));
}
