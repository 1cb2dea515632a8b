/** Owns the checks of the manifest and of the size of what it stands for. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import manifest from '../package.json';

test('every command of the palette is registered, and no other', () => {
  const registered = readFileSync('src/commands.ts', 'utf8').matchAll(/^ {4}'(remora\.\w+)':/gm);
  const contributed = manifest.contributes.commands.map(({ command }) => command);
  assert.deepEqual([...registered].map(([, name]) => name).sort(), contributed.sort());
});

test('everything in the palette is filed under Remora', () => {
  for (const { category } of manifest.contributes.commands) assert.equal(category, 'Remora');
});

test('every setting has a description and a default', () => {
  for (const [name, property] of Object.entries(manifest.contributes.configuration.properties)) {
    assert.ok('default' in property, name);
    assert.ok('description' in property || 'markdownDescription' in property, name);
  }
});

test('the extension stays thin: what grows belongs into the sidecar', () => {
  const files = readdirSync('src').map((name) => readFileSync(`src/${name}`, 'utf8'));
  const lines = files.reduce((sum, text) => sum + text.trimEnd().split('\n').length, 0);
  assert.ok(lines < 1200, `${lines} lines`);
});
