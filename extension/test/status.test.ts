/** Owns the table of what the status bar shows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Status } from '../src/protocol';
import { ending, present } from '../src/status';

const QUIET: Status = {
  target: 'box',
  remoteRoot: '/srv/app',
  phase: 'inSync',
  pending: 0,
  waiting: [],
  diverged: [],
  failed: [],
  sessions: [],
  progress: null,
  message: null,
};

for (const [sentence, changed, text, warning] of [
  ['all is well', {}, '$(check) box', false],
  ['no target is chosen', { target: null, phase: 'notConnected' }, '$(debug-disconnect) Remora', false],
  ['files are on their way', { phase: 'uploading', pending: 3 }, '$(sync~spin) box (3 pending)', false],
  ['the connection is lost', { phase: 'reconnecting' }, '$(sync~spin) box', true],
  ['a file diverged', { phase: 'trouble', diverged: ['a.py'] }, '$(warning) box', true],
] satisfies [string, Partial<Status>, string, boolean][]) {
  test(`the status bar when ${sentence}`, () => {
    const shown = present({ ...QUIET, ...changed });
    assert.equal(shown.text, text);
    assert.equal(shown.warning, warning);
  });
}

test('the tooltip names what needs a look, five names at most', () => {
  const failed = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => ({ path: `${name}.py`, reason: 'The disk is full.' }));
  const { tooltip } = present({ ...QUIET, phase: 'trouble', diverged: ['x.py'], failed, message: 'The disk is full.' });
  assert.deepEqual(tooltip.split('\n'), [
    'Remora: needs a look',
    'Changed by somebody else over there: x.py',
    'Not stored: a.py, b.py, c.py, d.py, e.py, and 2 more',
    'The disk is full.',
  ]);
});

test('an end is told by status, by signal, or as a loss', () => {
  assert.equal(ending({ session: 1, code: 7 }), 'The program ended with 7.');
  assert.equal(ending({ session: 1, signal: 9 }), 'The program was ended by signal 9.');
  assert.equal(ending({ session: 1, lost: true }), 'The connection to the program was lost.');
});
