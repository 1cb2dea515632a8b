/** Owns what is always in sight: the status button, the marks on files, and the conditions that menus hide by. */
import * as vscode from 'vscode';

import type { Sidecar } from './client';
import type { Folders } from './folders';
import type { Panel } from './protocol';

export function register(folders: Folders): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('remora.status', vscode.StatusBarAlignment.Left);
  item.name = 'Remora';
  item.command = 'remora.actions';
  const marks = new Marks();
  const conditions = new Map<string, boolean>();
  return vscode.Disposable.from(
    item,
    marks,
    vscode.window.registerFileDecorationProvider(marks),
    folders.onStatus((sidecar) => {
      marks.take(sidecar);
      const panel = folders.present()?.status?.panel;
      if (!panel) return;
      show(item, panel);
      for (const [name, value] of Object.entries(panel.conditions)) {
        if (conditions.get(name) === value) continue;
        conditions.set(name, value);
        void vscode.commands.executeCommand('setContext', `remora.${name}`, value);
      }
    }),
  );
}

function show(item: vscode.StatusBarItem, { icon, text, tooltip, warning }: Panel): void {
  item.text = `$(${icon}) ${text}`;
  item.tooltip = new vscode.MarkdownString(tooltip, true);
  item.backgroundColor = warning ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
  item.accessibilityInformation = { label: `Remora, ${text}` };
  item.show();
}

const WAITING = new vscode.FileDecoration('↑', 'Not yet on the remote');
const DIVERGED = new vscode.FileDecoration('≠', 'Changed on the remote by somebody else', new vscode.ThemeColor('list.warningForeground'));
const FAILED = new vscode.FileDecoration('!', 'Not stored on the remote', new vscode.ThemeColor('list.errorForeground'));

/** The marks on files, for each folder as its last status says. */
class Marks implements vscode.FileDecorationProvider, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<vscode.Uri[]>();
  readonly onDidChangeFileDecorations = this.#changed.event;
  readonly #byFolder = new Map<string, Map<string, vscode.FileDecoration>>();

  provideFileDecoration(uri: vscode.Uri): vscode.FileDecoration | undefined {
    const folder = vscode.workspace.getWorkspaceFolder(uri);
    return folder && this.#byFolder.get(folder.uri.toString())?.get(uri.toString());
  }

  take({ folder, status }: Sidecar): void {
    if (!status) return;
    const marks = new Map<string, vscode.FileDecoration>();
    const mark = (paths: string[], decoration: vscode.FileDecoration): void => {
      for (const path of paths) marks.set(vscode.Uri.joinPath(folder.uri, path).toString(), decoration);
    };
    mark(status.waiting, WAITING);
    mark(status.failed.map(({ path }) => path), FAILED);
    mark(status.diverged, DIVERGED);
    const before = this.#byFolder.get(folder.uri.toString()) ?? new Map<string, vscode.FileDecoration>();
    this.#byFolder.set(folder.uri.toString(), marks);
    const changed = [...new Set([...before.keys(), ...marks.keys()])].filter((uri) => before.get(uri) !== marks.get(uri));
    if (changed.length > 0) this.#changed.fire(changed.map((uri) => vscode.Uri.parse(uri)));
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
