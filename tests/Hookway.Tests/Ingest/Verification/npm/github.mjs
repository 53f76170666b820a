// Prints GitHub's example payloads, one a line, each signed by GitHub's own library under the secret given as argument.
import { createRequire } from 'node:module';
import { sign } from '@octokit/webhooks-methods';

const events = createRequire(import.meta.url)('@octokit/webhooks-examples');
for (const { name, examples } of events) {
  for (const [number, payload] of examples.entries()) {
    const body = JSON.stringify(payload);
    console.log(JSON.stringify({ name, number, body, signature: await sign(process.argv[2], body) }));
  }
}
