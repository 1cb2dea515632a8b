/**
 * Owns the debug type `remora`: where its adapter listens, and its child sessions. The adapter is the
 * debugger over there; the sidecar brought it to a local port.
 */
import * as vscode from 'vscode';

import type { AttachConfiguration } from './protocol';

const TYPE = 'remora';

export function register(): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.debug.registerDebugAdapterDescriptorFactory(TYPE, { createDebugAdapterDescriptor: listener }),
    vscode.debug.onDidReceiveDebugSessionCustomEvent((event) => {
      // debugpy announces each child process this way; one that nobody attaches to hangs.
      if (event.session.type === TYPE && event.event === 'debugpyAttach') {
        void attach(event.session.workspaceFolder, event.body as AttachConfiguration, event.session);
      }
    }),
  );
}

/** Attaches the editor; works without anybody else's Python extension. */
export function attach(
  folder: vscode.WorkspaceFolder | undefined,
  configuration: AttachConfiguration,
  parentSession?: vscode.DebugSession,
): Thenable<boolean> {
  return vscode.debug.startDebugging(folder, { ...configuration, type: TYPE }, parentSession ? { parentSession } : undefined);
}

function listener(session: vscode.DebugSession): vscode.DebugAdapterDescriptor {
  const { host, port } = session.configuration['connect'] as { host?: string; port: number };
  return new vscode.DebugAdapterServer(port, host);
}
