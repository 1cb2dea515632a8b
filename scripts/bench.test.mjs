/** Owns the proof that `npm run bench` can be asked what it has. Runs no bench. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

test('without a name, the benches are listed', () => {
  const bench = fileURLToPath(new URL('bench.mjs', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [bench], { encoding: 'utf8' });
  assert.equal(status, 1);
  for (const name of ['save', 'mirror', 'step', 'start', 'f5', 'activation']) assert.match(stdout + stderr, new RegExp(`^  ${name} `, 'm'));
});
