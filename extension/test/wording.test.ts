/** Owns the table of what a question says and whether its answer may be seen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { wording } from '../src/wording';

test('an unknown host is shown with its fingerprint', () => {
  const { title, prompt, password } = wording({ kind: 'hostKey', host: 'box', port: 22, algorithm: 'ssh-ed25519', fingerprint: 'SHA256:abc' });
  assert.match(title, /box is not known yet/);
  assert.match(prompt, /ssh-ed25519 on port 22\nSHA256:abc/);
  assert.equal(password, false);
});

test('a secret is never shown, and a second try says so', () => {
  const first = wording({ kind: 'password', user: 'me', host: 'box', attempt: 1 });
  assert.deepEqual(first, { title: 'Password of me@box', prompt: '', password: true });
  assert.match(wording({ kind: 'password', user: 'me', host: 'box', attempt: 2 }).prompt, /not right; try 2 of 3/);
  assert.equal(wording({ kind: 'passphrase', key: 'id_ed25519', attempt: 1 }).password, true);
});

test('the server speaks for itself, and says whether the answer may be seen', () => {
  const question = { kind: 'keyboardInteractive', user: 'me', host: 'box', name: '', instructions: 'Two steps.', prompt: 'Code: ' } as const;
  assert.deepEqual(wording({ ...question, echo: false }), { title: 'me@box', prompt: 'Two steps.\nCode: ', password: true });
  assert.equal(wording({ ...question, echo: true }).password, false);
});
