/** Owns the terminals whose other end is over there: remote shells, and programs that asked for a terminal. */
import * as vscode from 'vscode';

import type { Sidecar } from './client';
import type { Folders } from './folders';
import * as protocol from './protocol';

export class Terminals {
  readonly #open = new Map<Sidecar, Map<number, RemoteTerminal>>();

  constructor(folders: Folders) {
    folders.onSidecar((sidecar) => {
      const terminals = new Map<number, RemoteTerminal>();
      this.#open.set(sidecar, terminals);
      sidecar.hear(protocol.terminalOutput, ({ terminal, data }) => { terminals.get(terminal)?.wrote(data); });
      sidecar.hear(protocol.terminalEnded, (ended) => {
        terminals.get(ended.terminal)?.ended(ended);
        terminals.delete(ended.terminal);
      });
    });
  }

  /** A login shell in the remote folder. */
  async open(sidecar: Sidecar): Promise<void> {
    const opened = await sidecar.request(protocol.terminalOpen, USUAL);
    if (opened) this.show(sidecar, opened.terminal, sidecar.status?.target ?? 'Remora', false);
  }

  /** Shows one that is open over there; what a program wrote last stays readable, a shell's terminal goes with it. */
  show(sidecar: Sidecar, terminal: number, name: string, stays = true): void {
    const pty = new RemoteTerminal(sidecar, terminal, stays);
    this.#open.get(sidecar)?.set(terminal, pty);
    vscode.window.createTerminal({ name, pty, iconPath: new vscode.ThemeIcon('remote') }).show();
  }
}

/** Until the editor has laid its panel out. */
const USUAL = { cols: 80, rows: 24 };

class RemoteTerminal implements vscode.Pseudoterminal {
  readonly #write = new vscode.EventEmitter<string>();
  readonly onDidWrite = this.#write.event;
  readonly #closed = new vscode.EventEmitter<number>();
  readonly onDidClose = this.#closed.event;
  /** What came before the editor listened; nothing once it does. */
  #early: (() => void)[] | undefined = [];
  #over = false;

  constructor(
    readonly sidecar: Sidecar,
    readonly terminal: number,
    readonly stays: boolean,
  ) {}

  open(size: vscode.TerminalDimensions | undefined): void {
    if (size) this.setDimensions(size);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const late of early) late();
  }

  close(): void {
    this.sidecar.tell(protocol.terminalClose, { terminal: this.terminal });
  }

  handleInput(data: string): void {
    if (this.#over) this.#closed.fire(0);
    else this.sidecar.tell(protocol.terminalWrite, { terminal: this.terminal, data });
  }

  setDimensions({ columns, rows }: vscode.TerminalDimensions): void {
    this.sidecar.tell(protocol.terminalResize, { terminal: this.terminal, cols: columns, rows });
  }

  wrote(data: string): void {
    this.#once(() => { this.#write.fire(data); });
  }

  ended(ended: protocol.TerminalEndedParams): void {
    this.#once(() => {
      this.#over = true;
      if (this.stays || ended.lost) this.#write.fire(`\r\n[${ending(ended)} Press a key to close.]\r\n`);
      else this.#closed.fire(ended.code ?? 0);
    });
  }

  #once(act: () => void): void {
    if (this.#early) this.#early.push(act);
    else act();
  }
}

function ending({ code, signal, lost }: protocol.TerminalEndedParams): string {
  if (lost) return 'The connection was lost.';
  return signal === undefined ? `The program ended with ${code ?? 0}.` : `The program was ended by signal ${signal}.`;
}
