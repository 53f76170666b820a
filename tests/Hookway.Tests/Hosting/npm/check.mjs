// Reads OpenAPI documents, one JSON a line, and prints one list of faults for each: where it breaks the official schema of OpenAPI 3.1 (its Schema Objects those of the dialect), and
// which examples do not fit the schema beside them.
import { createInterface } from 'node:readline'
import { registerSchema, unregisterSchema, validate } from '@hyperjump/json-schema/openapi-3-1'

const meta = 'https://spec.openapis.org/oas/3.1/schema-base'
const official = await validate(meta)
const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']
const pointer = (...parts) => parts.map(part => '/' + part.replaceAll('~', '~0').replaceAll('/', '~1')).join('')

const faultsOf = output => output.valid ? [] : (output.errors ?? []).filter(error => !error.valid)
  .map(error => `${error.instanceLocation} ${error.absoluteKeywordLocation ?? error.keyword}`)

async function misfits(document, uri) {
  const found = []
  registerSchema(document, uri, meta)
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item).filter(([name]) => methods.includes(name))) {
      const bodies = Object.entries(operation.requestBody?.content ?? {}).map(([media, body]) => [body, ['requestBody', 'content', media]])
      for (const [status, response] of Object.entries(operation.responses)) {
        bodies.push(...Object.entries(response.content ?? {}).map(([media, body]) => [body, ['responses', status, 'content', media]]))
      }
      for (const [body, where] of bodies.filter(([body]) => body.example !== undefined)) {
        const place = pointer('paths', path, method, ...where)
        const output = await validate(`${uri}#${encodeURI(`${place}/schema`)}`, body.example, 'BASIC')
        found.push(...faultsOf(output).map(fault => `#${place}/example ${fault}`))
      }
    }
  }
  unregisterSchema(uri)
  return found
}

let count = 0
for await (const line of createInterface({ input: process.stdin })) {
  const document = JSON.parse(line)
  const faults = faultsOf(official(document, 'BASIC'))
  console.log(JSON.stringify(faults.length > 0 ? faults : await misfits(document, `https://example.com/${count++}`)))
}
