/** Owns the bundles: the extension into dist/, or with --tests its unit tests into out/. */
import { readdirSync } from 'node:fs';

import { build } from 'esbuild';

const shared = { bundle: true, platform: 'node', target: 'node22', logLevel: 'warning' };

/**
 * Language features that the sidecar does not serve. vscode-languageclient registers all of them in its
 * constructor, so a bundler can't see that they are not needed; each takes part only if a server says so.
 * Progress is among them because the extension shows its own, which can be cancelled.
 */
const UNUSED_FEATURES = [
  'callHierarchy', 'codeAction', 'codeLens', 'colorProvider', 'completion', 'declaration', 'definition', 'diagnostic',
  'documentHighlight', 'documentLink', 'documentSymbol', 'executeCommand', 'fileOperations', 'foldingRange', 'formatting', 'hover',
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
  const entry = { entryPoints: ['src/extension.ts'], outfile: 'dist/extension.js', format: 'cjs', external: ['vscode'] };
  await build({ ...shared, ...entry, minify: true, plugins: [withoutUnusedFeatures] });
}
