/**
 * Owns the sidecar: starts it when it is first needed, and shows what it says. Decides nothing about
 * files, hosts or programs.
 */
import * as path from 'node:path';

import * as vscode from 'vscode';
import { LanguageClient, ResponseError, type RequestType, type ServerOptions } from 'vscode-languageclient/node';

import { answer } from './prompt';
import * as protocol from './protocol';
import { ending, present } from './status';

/** The sidecar, as the commands see it. */
export class Sidecar implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel('Remora', { log: true });
  readonly #item = vscode.window.createStatusBarItem('remora.status', vscode.StatusBarAlignment.Left);
  readonly #client: LanguageClient;
  #started: Promise<void> | undefined;

  constructor(context: vscode.ExtensionContext) {
    const command = executable(context);
    const server: ServerOptions = { command, args: ['lsp'] };
    this.#client = new LanguageClient('remora', 'Remora', server, {
      documentSelector: [{ scheme: 'file' }],
      outputChannel: this.log,
    });
    this.#item.command = 'remora.showLog';
    this.#listen();
  }

  /** Starts the sidecar, once; the client says by itself when it can't, and the next command tries again. */
  async start(): Promise<void> {
    try {
      await (this.#started ??= this.#client.start());
    } catch (error) {
      this.#started = undefined;
      throw error;
    }
  }

  /** Asks, and shows the fault when there is one; then there is no answer. */
  async request<P, R>(type: RequestType<P, R, protocol.Fault>, params: P): Promise<R | undefined> {
    try {
      await this.start();
      return await this.#client.sendRequest<R>(type.method, params);
    } catch (error) {
      await this.#show(error);
      return undefined;
    }
  }

  dispose(): void {
    this.#item.dispose();
    // Stopping ends the sidecar, and the sidecar ends what it started; the log goes last.
    void this.#client.dispose().finally(() => {
      this.log.dispose();
    });
  }

  #listen(): void {
    this.#client.onRequest(protocol.ask, answer);
    this.#client.onNotification(protocol.status, (status) => {
      const { text, tooltip, warning } = present(status);
      this.#item.text = text;
      this.#item.tooltip = tooltip;
      this.#item.backgroundColor = warning ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
      this.#item.show();
    });
    this.#client.onNotification(protocol.fault, ({ message, hint }) => {
      this.log.warn(`${message} ${hint}`);
    });
    this.#client.onNotification(protocol.mirrored, ({ files, bytes, ms }) => {
      this.log.debug(`mirrored ${files} files, ${bytes} bytes in ${ms} ms`);
    });
    this.#client.onNotification(protocol.output, ({ data }) => {
      vscode.debug.activeDebugConsole.append(data);
    });
    this.#client.onNotification(protocol.exited, (ended) => {
      vscode.debug.activeDebugConsole.appendLine(ending(ended));
    });
  }

  async #show(error: unknown): Promise<void> {
    const fault = error instanceof ResponseError ? (error as ResponseError<protocol.Fault | undefined>).data : undefined;
    const sentence = fault ? `${fault.message} ${fault.hint}` : String(error);
    this.log.error(sentence);
    const showLog = 'Show Log';
    if ((await vscode.window.showErrorMessage(sentence, showLog)) === showLog) this.log.show();
  }
}

/** The binary inside the extension; in development, the one that cargo built. */
function executable(context: vscode.ExtensionContext): string {
  const name = process.platform === 'win32' ? 'remora.exe' : 'remora';
  const folder = context.extensionMode === vscode.ExtensionMode.Production ? 'bin' : path.join('..', 'target', 'debug');
  return context.asAbsolutePath(path.join(folder, name));
}
