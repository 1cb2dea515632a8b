/**
 * Remora for VS Code. Shows, asks and forwards; every decision is the sidecar's.
 *
 * Owns activation: what is registered, and when the sidecar starts. Never does anything else.
 */
import * as vscode from 'vscode';

import { Sidecar } from './client';
import * as commands from './commands';
import * as debug from './debug';

export function activate(context: vscode.ExtensionContext): void {
  const sidecar = new Sidecar(context);
  const startIfUsed = (): void => {
    // Nothing runs until a target exists or a command asks for one.
    const targets = vscode.workspace.getConfiguration('remora').get<unknown[]>('targets', []);
    if (targets.length > 0) sidecar.start().catch((error: unknown) => { sidecar.log.error(String(error)); });
  };
  context.subscriptions.push(
    sidecar,
    commands.register(sidecar),
    debug.register(),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('remora.targets')) startIfUsed();
    }),
  );
  startIfUsed();
}
