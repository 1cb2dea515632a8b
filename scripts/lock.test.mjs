/** Owns the tests of the lock that lock.mjs keeps. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { alone } from './lock.mjs';

/** A file for a lock, gone after the test. */
async function lockFile(t) {
  const folder = await mkdtemp(join(tmpdir(), 'remora-lock-'));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, 'lock');
}

test('two that lock the same file take turns', async (t) => {
  const file = await lockFile(t);
  let [inside, most] = [0, 0];
  const work = async () => {
    most = Math.max(most, (inside += 1));
    await new Promise((resolve) => setImmediate(resolve));
    inside -= 1;
  };
  await Promise.all([alone(file, work), alone(file, work), alone(file, work)]);
  assert.equal(most, 1);
});

test('work that failed keeps nobody out', async (t) => {
  const file = await lockFile(t);
  await assert.rejects(alone(file, () => Promise.reject(new Error('no'))), { message: 'no' });
  assert.equal(await alone(file, () => 'done'), 'done');
});

test('a file that can not be locked is a sentence', async (t) => {
  await assert.rejects(alone(join(await lockFile(t), 'below', 'a-file'), () => 'done'), /can't lock/);
});
