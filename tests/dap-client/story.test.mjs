/**
 * Owns the story of a client that knows nothing of Remora: Microsoft's own test client for debug
 * adapters attaches to the port of `remora debug --json`. Speaks of local paths only.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { DebugClient } from '@vscode/debugadapter-testsupport';

import { Remora } from './remora.mjs';

/** Starting Python, debugger and adapter takes a second or two; a machine under load is given the rest. */
const PATIENCE = { timeout: 120_000 };

const PROJECT = {
  'app.py': `import os
import sys
from shop import prices

print("runs", os.path.abspath(__file__))
print("pays", prices.discounted(4000, 10))
sys.exit(7)
`,
  'shop/__init__.py': '',
  'shop/prices.py': `def discounted(cents, percent):
    saved = cents * percent // 100
    return cents - saved
`,
};
const BREAKPOINT = 3;

test('a client that is not ours stops in a mirrored file, reads variables and sees the end', PATIENCE, async (t) => {
  const { top, root, remoteRoot, home } = await project(t);
  const args = ['debug', '--local', '--root', root, '--remote-root', remoteRoot, '--json', 'app.py'];
  const remora = new Remora(args, { cwd: root, home });
  t.after(() => remora.stop());

  const mirrored = await remora.event('mirrored');
  assert.equal(mirrored.files, Object.keys(PROJECT).length);
  const { host, port, configuration } = await remora.event('listening');
  assert.equal(host, '127.0.0.1');
  assert.deepEqual(configuration.connect, { host, port });

  const client = await attach(port, configuration);
  const file = join(root, 'shop/prices.py');
  const stopped = await stopAt(client, file, BREAKPOINT);

  const { stackFrames } = (await client.stackTraceRequest({ threadId: stopped.threadId })).body;
  assert.equal(stackFrames[0].source.path, file);
  assert.equal(stackFrames[0].line, BREAKPOINT);
  assert.equal(stackFrames[1].source.path, join(root, 'app.py'));
  assert.deepEqual(await locals(client, stackFrames[0].id), { cents: '4000', percent: '10', saved: '400' });

  const terminated = client.waitForEvent('terminated');
  await client.continueRequest({ threadId: stopped.threadId });
  assert.equal((await remora.event('exited')).code, 7);
  await terminated;
  // The debugger is gone by now; whether it still answers is its own affair.
  void client.stop();
  assert.deepEqual(await remora.ended(), { code: 7, signal: null });
  assert.match(remora.output('stdout'), /pays 3600/);
  assert.ok(remora.output('stdout').includes(`runs ${join(remoteRoot, 'app.py')}`), `the copy over there ran: ${top}`);
});

/** A project, a folder that plays the remote, and an empty home, all gone after the test. */
async function project(t) {
  const top = await realpath(await mkdtemp(join(tmpdir(), 'remora-dap-client-')));
  t.after(() => rm(top, { recursive: true, force: true }));
  const [root, remoteRoot, home] = ['here', 'there', 'home'].map((name) => join(top, name));
  for (const folder of [join(root, 'shop'), remoteRoot, home]) await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(PROJECT)) await writeFile(join(root, name), text);
  return { top, root, remoteRoot, home };
}

/** Connects and sends `attach`, whose answer comes only after the configuration is done. */
async function attach(port, configuration) {
  const client = new DebugClient('', '', 'debugpy');
  await client.start(port);
  await client.initializeRequest({ adapterID: 'debugpy', clientID: 'vscode', linesStartAt1: true, columnsStartAt1: true, pathFormat: 'path' });
  client.initialized = client.waitForEvent('initialized');
  client.attached = client.attachRequest(configuration);
  return client;
}

/** Sets one breakpoint and lets the program run to it. */
async function stopAt(client, path, line) {
  await client.initialized;
  const { breakpoints } = (await client.setBreakpointsRequest({ source: { path }, breakpoints: [{ line }] })).body;
  assert.equal(breakpoints[0].verified, true, breakpoints[0].message);
  const stopped = client.waitForEvent('stopped');
  await client.configurationDoneRequest();
  await client.attached;
  const { body } = await stopped;
  assert.equal(body.reason, 'breakpoint');
  return body;
}

async function locals(client, frameId) {
  const { scopes } = (await client.scopesRequest({ frameId })).body;
  const { variablesReference } = scopes.find((scope) => scope.name === 'Locals');
  const { variables } = (await client.variablesRequest({ variablesReference })).body;
  return Object.fromEntries(variables.map(({ name, value }) => [name, value]));
}
