/** Owns the tests of what vsix.mjs decides: names and limits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { keepWithin, platform } from './vsix.mjs';

test('platforms are called as the editor calls them', () => {
  for (const [machine, name] of [
    [{ platform: 'linux', arch: 'x64' }, 'linux-x64'],
    [{ platform: 'linux', arch: 'arm' }, 'linux-armhf'],
    [{ platform: 'darwin', arch: 'arm64' }, 'darwin-arm64'],
    [{ platform: 'win32', arch: 'x64' }, 'win32-x64'],
  ]) {
    assert.equal(platform(machine), name);
  }
});

test('what is too large is named with its size and its limit', () => {
  keepWithin({ vsix: 15_000_000, bundle: 400_000 });
  keepWithin({ bundle: 1 });
  assert.throws(() => keepWithin({ vsix: 15_000_001, bundle: 1 }), { message: 'The vsix has 15000001 bytes; 15000000 is the most.' });
  assert.throws(() => keepWithin({ vsix: 1, bundle: 400_001 }), /The bundle has 400001 bytes/);
});
