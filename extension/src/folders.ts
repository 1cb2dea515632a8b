/**
 * Owns the sidecars of a window, one for each workspace folder that is used: which one an action means, and
 * when one starts. Nothing runs for a folder until it has a target or a command asks.
 */
import * as vscode from 'vscode';

import { Sidecar, type Surroundings } from './client';
import * as protocol from './protocol';

export class Folders implements vscode.Disposable {
  readonly #sidecars = new Map<string, Sidecar>();
  readonly #changed = new vscode.EventEmitter<Sidecar>();
  /** A sidecar has a new status, or another one is the present one. */
  readonly onStatus = this.#changed.event;
  readonly #created = new vscode.EventEmitter<Sidecar>();
  /** A folder got its sidecar. */
  readonly onSidecar = this.#created.event;
  readonly #subscriptions: vscode.Disposable[];

  constructor(readonly around: Surroundings) {
    this.#subscriptions = [
      vscode.workspace.onDidChangeWorkspaceFolders(({ removed }) => {
        for (const { uri } of removed) {
          this.#sidecars.get(uri.toString())?.dispose();
          this.#sidecars.delete(uri.toString());
        }
        this.startThoseInUse();
      }),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration('remora.targets')) this.startThoseInUse();
      }),
      vscode.window.onDidChangeActiveTextEditor(() => {
        const present = this.present();
        if (present) this.#changed.fire(present);
      }),
    ];
  }

  /** The sidecar for a file, or for what the user looks at; nothing where no folder is open. */
  of(uri?: vscode.Uri): Sidecar | undefined {
    const folder = folderOf(uri);
    if (!folder) return undefined;
    const key = folder.uri.toString();
    const known = this.#sidecars.get(key);
    if (known) return known;
    const sidecar = new Sidecar(folder, this.around);
    this.#sidecars.set(key, sidecar);
    sidecar.onStatus(() => { this.#changed.fire(sidecar); });
    this.#created.fire(sidecar);
    return sidecar;
  }

  /** The same, if there is one already. */
  present(uri?: vscode.Uri): Sidecar | undefined {
    const folder = folderOf(uri);
    return folder && this.#sidecars.get(folder.uri.toString());
  }

  /** A folder with a target is mirrored as soon as the window opens; faults show in the status. */
  startThoseInUse(): void {
    for (const { uri } of vscode.workspace.workspaceFolders ?? []) {
      if (!this.#sidecars.get(uri.toString())?.started && targets(uri).length > 0) void this.of(uri)?.quietly(protocol.mirror, {});
    }
  }

  dispose(): void {
    for (const owned of [...this.#subscriptions, ...this.#sidecars.values(), this.#changed, this.#created]) owned.dispose();
  }
}

/** The entries of `remora.targets` that hold for a folder. */
export function targets(scope: vscode.Uri): Record<string, unknown>[] {
  return vscode.workspace.getConfiguration('remora', scope).get('targets', []);
}

function folderOf(uri?: vscode.Uri): vscode.WorkspaceFolder | undefined {
  const looked = uri ?? vscode.window.activeTextEditor?.document.uri;
  const holding = looked && vscode.workspace.getWorkspaceFolder(looked);
  return holding ?? (uri ? undefined : vscode.workspace.workspaceFolders?.[0]);
}
