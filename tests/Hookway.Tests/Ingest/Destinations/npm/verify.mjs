// Verifies forwarded requests with the vendors' own libraries. Each line of input is {vendor, secret, headers, body: base64};
// each line of output is {vendor, ok, error}.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { verify as verifyGitHub } from '@octokit/webhooks-methods';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';

const { verifySlackRequest } = createRequire(import.meta.url)('@slack/bolt');

const verifiers = {
  stripe: (secret, headers, body) => new Stripe('sk_test_x').webhooks.constructEvent(body, headers['stripe-signature'], secret),
  github: async (secret, headers, body) => {
    if (!(await verifyGitHub(secret, body.toString('utf8'), headers['x-hub-signature-256']))) throw new Error('wrong signature');
  },
  slack: (secret, headers, body) => verifySlackRequest({ signingSecret: secret, body: body.toString('utf8'), headers }),
  standardwebhooks: (secret, headers, body) => new Webhook(secret).verify(body, headers),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { vendor, secret, headers, body } = JSON.parse(line);
  try {
    await verifiers[vendor](secret, headers, Buffer.from(body, 'base64'));
    console.log(JSON.stringify({ vendor, ok: true, error: null }));
  } catch (error) {
    console.log(JSON.stringify({ vendor, ok: false, error: error.message }));
  }
}
