/**
 * Remora for VS Code. Shows, asks and forwards; every decision is the sidecar's.
 *
 * Owns activation: what is registered. Never does anything else; nothing runs until a folder has a target or
 * a command asks.
 */
import * as vscode from 'vscode';

import { executable } from './client';
import * as commands from './commands';
import * as debug from './debug';
import * as files from './files';
import { Folders } from './folders';
import * as lens from './lens';
import * as panel from './panel';
import { Prompter } from './prompt';
import { Terminals } from './terminal';

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Remora', { log: true });
  const folders = new Folders({ executable: executable(context), log, prompter: new Prompter(context.secrets) });
  const terminals = new Terminals(folders);
  context.subscriptions.push(
    log,
    folders,
    panel.register(folders),
    lens.register(folders),
    files.register(folders),
    debug.register(folders, terminals),
    commands.register(folders, terminals, context.workspaceState),
  );
  // Not part of activating: the editor waits for that, and starting a program takes as long again.
  setImmediate(folders.startThoseInUse.bind(folders));
}
