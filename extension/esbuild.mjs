/** Owns the bundles: the extension into dist/, or with --tests its unit tests into out/. */
import { readdirSync } from 'node:fs';

import { build } from 'esbuild';

const shared = { bundle: true, platform: 'node', target: 'node20', sourcemap: true, logLevel: 'warning' };

if (process.argv.includes('--tests')) {
  const tests = readdirSync('test').filter((name) => name.endsWith('.test.ts'));
  // Only pure files are tested here, so nothing may ask for `vscode`: it is not marked external.
  await build({ ...shared, entryPoints: tests.map((name) => `test/${name}`), outdir: 'out', format: 'esm', outExtension: { '.js': '.mjs' } });
} else {
  await build({ ...shared, entryPoints: ['src/extension.ts'], outfile: 'dist/extension.js', format: 'cjs', external: ['vscode'], minify: true });
}
