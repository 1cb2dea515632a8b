/** Owns the lens over `if __name__ == "__main__":` that starts the file on the target. */
import * as vscode from 'vscode';

import type { Sidecar } from './client';
import type { Folders } from './folders';

const MAIN = /^if\s+(?:__name__\s*==\s*(['"])__main__\1|(['"])__main__\2\s*==\s*__name__)\s*:/gm;

export function register(folders: Folders): vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  const provideCodeLenses = (document: vscode.TextDocument): vscode.CodeLens[] => {
    const target = folders.present(document.uri)?.status?.target;
    const wanted = vscode.workspace.getConfiguration('remora', document).get<boolean>('codeLens', true);
    if (!wanted || !target) return [];
    const command = { command: 'remora.debugFile', title: `$(debug-alt)\u00a0Debug on ${target}`, arguments: [document.uri] };
    const mains = document.getText().matchAll(MAIN);
    return [...mains].map(({ index }) => document.positionAt(index)).map((at) => new vscode.CodeLens(new vscode.Range(at, at), command));
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
