/** Owns the lenses that start a file or a test on the target. What can be started is the sidecar's to find. */
import * as vscode from 'vscode';

import type { Sidecar } from './client';
import type { Folders } from './folders';
import * as protocol from './protocol';

export function register(folders: Folders): vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  const provideCodeLenses = async (document: vscode.TextDocument): Promise<vscode.CodeLens[]> => {
    const sidecar = folders.present(document.uri);
    const wanted = vscode.workspace.getConfiguration('remora', document).get<boolean>('codeLens', true);
    if (!wanted || !sidecar?.status?.target) return [];
    const title = `$(debug-alt)\u00a0Debug on ${sidecar.status.target}`;
    const { starts } = await sidecar.send(protocol.starts, { file: document.uri.fsPath, text: document.getText() });
    const command = (test: string | null): string => (test === null ? 'remora.debugFile' : 'remora.debugTest');
    return starts.map(({ line, test }) => new vscode.CodeLens(new vscode.Range(line, 0, line, 0), { command: command(test), title, arguments: [document.uri, test] }));
  };
  const shown = new WeakMap<Sidecar, string | null>();
  return vscode.Disposable.from(
    changed,
    vscode.languages.registerCodeLensProvider({ language: 'python', scheme: 'file' }, { provideCodeLenses, onDidChangeCodeLenses: changed.event }),
    folders.onStatus((sidecar) => {
      const target = sidecar.status?.target ?? null;
      if (shown.get(sidecar) !== target) changed.fire();
      shown.set(sidecar, target);
    }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('remora.codeLens')) changed.fire();
    }),
  );
}
