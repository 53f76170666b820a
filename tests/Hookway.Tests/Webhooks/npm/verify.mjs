// Verifies messages with the reference library. Each line of input is {secret, headers, body: base64};
// each line of output is {ok, error}.
import { createInterface } from 'node:readline';
import { Webhook } from 'standardwebhooks';

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  console.log(JSON.stringify(verify(secret, headers, Buffer.from(body, 'base64'))));
}

function verify(secret, headers, body) {
  try {
    new Webhook(secret).verify(body, headers);
    return { ok: true, error: null };
  } catch (error) {
    return { ok: false, error: error.message };
  }
}
