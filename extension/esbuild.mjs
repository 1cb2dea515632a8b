/** Owns the bundles: the extension and its protocol client into dist/, or with --tests its unit tests into out/. */
import { readFileSync, readdirSync } from 'node:fs';

import { build } from 'esbuild';

const shared = { bundle: true, platform: 'node', target: 'node22', logLevel: 'warning' };

/**
 * Language features that the sidecar does not serve. vscode-languageclient registers all of them in its
 * constructor, so a bundler can't see that they are not needed; each takes part only if a server says so.
 * Progress is among them because the extension shows its own, which can be cancelled.
 */
const UNUSED_FEATURES = [
  'callHierarchy', 'codeAction', 'codeLens', 'colorProvider', 'completion', 'declaration', 'definition', 'diagnostic',
  'documentHighlight', 'documentLink', 'documentSymbol', 'executeCommand', 'fileOperations', 'foldingRange', 'formatting',
  'implementation', 'inlayHint', 'inlineCompletion', 'inlineValue', 'linkedEditingRange', 'notebook', 'progress', 'reference',
  'rename', 'selectionRange', 'semanticTokens', 'signatureHelp', 'textDocumentContent', 'typeDefinition', 'typeHierarchy',
  'workspaceSymbol',
];

/** Puts a feature that does nothing in the place of each of those. */
const withoutUnusedFeatures = {
  name: 'without-unused-features',
  setup({ onResolve, onLoad }) {
    const importer = /vscode-languageclient[\\/]lib[\\/]common[\\/](client|api)\.js$/;
    onResolve({ filter: new RegExp(`^\\./(${UNUSED_FEATURES.join('|')})$`) }, ({ path, importer: from }) =>
      importer.test(from) ? { path, namespace: 'unused-feature' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'unused-feature' }, () => ({ contents: UNUSED, loader: 'js' }));
  },
};

/**
 * Who speaks the protocol is most of the code and is asked for when the first sidecar starts. In a file of its
 * own it is not read and parsed before.
 */
const CLIENT = 'vscode-languageclient/node';
const clientApart = {
  name: 'client-apart',
  setup({ onResolve }) {
    onResolve({ filter: new RegExp(`^${CLIENT}$`) }, ({ kind }) => (kind === 'dynamic-import' ? { path: './languageclient.js', external: true } : undefined));
  },
};

/** `import *` would copy every name of the editor's interface, once for each file; this is the editor's own object. */
const vscodeItself = {
  name: 'vscode-itself',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]\w+\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      return { contents: text.replace("import * as vscode from 'vscode'", "import vscode = require('vscode')"), loader: 'ts' };
    });
  },
};

const UNUSED = `
class Unused {
  fillClientCapabilities() {}
  initialize() {}
  clear() {}
  getState() { return { kind: 'static' }; }
}
module.exports = new Proxy({}, { get: (_, name) => (name === '__esModule' ? undefined : Unused) });
`;

if (process.argv.includes('--tests')) {
  const tests = readdirSync('test').filter((name) => name.endsWith('.test.ts'));
  // Only pure files are tested here, so nothing may ask for `vscode`: it is not marked external.
  const entryPoints = tests.map((name) => `test/${name}`);
  await build({ ...shared, entryPoints, outdir: 'out', format: 'esm', sourcemap: true, outExtension: { '.js': '.mjs' } });
} else {
  // What is asked for later comes by `require`, which the editor follows for `vscode`.
  const cjs = { ...shared, format: 'cjs', external: ['vscode'], minify: true, supported: { 'dynamic-import': false } };
  await build({ ...cjs, entryPoints: ['src/extension.ts'], outfile: 'dist/extension.js', plugins: [clientApart, vscodeItself] });
  await build({ ...cjs, entryPoints: [CLIENT], outfile: 'dist/languageclient.js', plugins: [withoutUnusedFeatures] });
}
