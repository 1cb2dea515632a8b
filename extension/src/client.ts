/**
 * Owns one sidecar, that of one workspace folder: starts it, asks it, keeps its last status and shows its
 * faults. Decides nothing about files, hosts or programs.
 */
import * as path from 'node:path';

import * as vscode from 'vscode';
import { LanguageClient, ResponseError, State, type NotificationHandler, type NotificationType, type RequestType } from 'vscode-languageclient/node';

import type { Prompter } from './prompt';
import * as protocol from './protocol';

/** What every sidecar of a window shares. */
export interface Surroundings {
  executable: string;
  log: vscode.LogOutputChannel;
  prompter: Prompter;
}

export class Sidecar implements vscode.Disposable {
  /** The last whole status; nothing until the first one comes. */
  status: protocol.StatusParams | undefined;
  readonly #changed = new vscode.EventEmitter<protocol.StatusParams>();
  readonly onStatus = this.#changed.event;
  readonly #client: LanguageClient;
  #started: Promise<void> | undefined;

  constructor(
    readonly folder: vscode.WorkspaceFolder,
    readonly around: Surroundings,
  ) {
    const { executable, log } = around;
    const server = { command: executable, args: ['lsp'], options: { env: { RUST_LOG: level(log), ...process.env } } };
    this.#client = new LanguageClient('remora', 'Remora', server, {
      documentSelector: [{ scheme: 'file', pattern: `${folder.uri.fsPath.replaceAll('\\', '/')}/**/*` }],
      workspaceFolder: folder,
      outputChannel: log,
    });
    this.#client.onRequest(protocol.ask, (question) => around.prompter.answer(question));
    this.hear(protocol.status, (status) => {
      this.status = status;
      this.#changed.fire(status);
    });
    // One that was killed is started again by the client, and then knows of no target yet.
    this.#client.onDidChangeState(({ newState }) => {
      if (newState === State.Running && this.status) void this.quietly(protocol.mirror, {});
    });
    this.hear(protocol.fault, ({ message, hint }) => { log.warn(`${message} ${hint}`); });
    this.hear(protocol.mirrored, ({ files, bytes, ms }) => { log.debug(`mirrored ${files} files, ${bytes} bytes in ${ms} ms`); });
  }

  /** Calls `handler` with each notification of this type. */
  hear<P>(type: NotificationType<P>, handler: NotificationHandler<P>): vscode.Disposable {
    return this.#client.onNotification(type, handler);
  }

  /** Says something that has no answer. A sidecar that does not run has nothing to hear. */
  tell<P>(type: NotificationType<P>, params: P): void {
    if (this.#client.isRunning()) void this.#client.sendNotification(type.method, params);
  }

  /** Starts the sidecar, once; after a failure the next call tries again. */
  async start(): Promise<void> {
    try {
      await (this.#started ??= this.#client.start());
    } catch (error) {
      this.#started = undefined;
      throw error;
    }
  }

  /** Asks; rejects with a {@link ResponseError} whose data is a Fault. */
  async send<P, R>(type: RequestType<P, R, protocol.Fault>, params: P, token?: vscode.CancellationToken): Promise<R> {
    await this.start();
    // An absent token would be taken for a second parameter.
    return token ? this.#client.sendRequest<R>(type.method, params, token) : this.#client.sendRequest<R>(type.method, params);
  }

  /** Asks for the user, who sees the fault when there is one; then there is no answer. */
  async request<P, R>(type: RequestType<P, R, protocol.Fault>, params: P, token?: vscode.CancellationToken): Promise<R | undefined> {
    try {
      return await this.send(type, params, token);
    } catch (error) {
      if (!token?.isCancellationRequested) await this.show(error);
      return undefined;
    }
  }

  /** Asks in the background: a fault goes to the log, and the status tells of it. */
  async quietly<P, R>(type: RequestType<P, R, protocol.Fault>, params: P): Promise<void> {
    await this.send(type, params).catch((error: unknown) => { this.around.log.warn(sentence(error)); });
  }

  /** A message with the button that helps most. */
  async show(error: unknown): Promise<void> {
    const text = sentence(error);
    this.around.log.error(text);
    const [label, command] = faultOf(error)?.kind === 'no_target' ? ['Add Target…', 'remora.addTarget'] : ['Show Log', 'remora.showLog'];
    if ((await vscode.window.showErrorMessage(text, label)) === label) await vscode.commands.executeCommand(command);
  }

  dispose(): void {
    this.#changed.dispose();
    // Stopping ends the sidecar, and the sidecar ends what it started.
    void this.#client.dispose();
  }
}

/** What went wrong, as the user reads it. */
export function sentence(error: unknown): string {
  const fault = faultOf(error);
  if (fault) return `${fault.message} ${fault.hint}`;
  return error instanceof Error ? error.message : String(error);
}

function faultOf(error: unknown): protocol.Fault | undefined {
  return error instanceof ResponseError ? (error as ResponseError<protocol.Fault | undefined>).data : undefined;
}

/** The level that the user chose for the log, in the words of the sidecar's filter. */
function level({ logLevel }: vscode.LogOutputChannel): string {
  return ['off', 'trace', 'debug', 'info', 'warn', 'error'][logLevel] ?? 'info';
}

/** The binary inside the extension; in development, the one that cargo built. */
export function executable(context: vscode.ExtensionContext): string {
  const name = process.platform === 'win32' ? 'remora.exe' : 'remora';
  const folder = context.extensionMode === vscode.ExtensionMode.Production ? 'bin' : path.join('..', 'target', 'debug');
  return context.asAbsolutePath(path.join(folder, name));
}
