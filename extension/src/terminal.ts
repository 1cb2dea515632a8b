/** Owns the terminals whose other end is over there: remote shells, and programs that asked for a terminal. */
import * as vscode from 'vscode';

import type { Sidecar } from './client';
import type { Folders } from './folders';
import * as protocol from './protocol';

export class Terminals {
  /** From the first word of each, which may come before the answer that names it, to its end. */
  readonly #known = new Map<Sidecar, Map<number, RemoteTerminal>>();

  constructor(folders: Folders) {
    folders.onSidecar((sidecar) => {
      sidecar.hear(protocol.terminalOutput, ({ terminal, data }) => { this.#of(sidecar, terminal).wrote(data); });
      sidecar.hear(protocol.terminalEnded, (ended) => { this.#of(sidecar, ended.terminal).ended(ended); });
      sidecar.onStopped(() => {
        for (const [terminal, pty] of this.#known.get(sidecar) ?? []) pty.ended({ terminal, lost: true });
        this.#known.delete(sidecar);
      });
    });
  }

  #of(sidecar: Sidecar, terminal: number): RemoteTerminal {
    const known = this.#known.get(sidecar) ?? new Map<number, RemoteTerminal>();
    this.#known.set(sidecar, known);
    const pty = known.get(terminal) ?? new RemoteTerminal(sidecar, terminal, () => known.delete(terminal));
    known.set(terminal, pty);
    return pty;
  }

  /** A login shell in the remote folder. */
  async open(sidecar: Sidecar): Promise<void> {
    const opened = await sidecar.request(protocol.terminalOpen, USUAL);
    if (opened) this.show(sidecar, opened.terminal, sidecar.status?.target ?? 'Remora', false);
  }

  /** Shows one that is open over there; what a program wrote last stays readable, a shell's terminal goes with it. */
  show(sidecar: Sidecar, terminal: number, name: string, stays = true): void {
    const pty = this.#of(sidecar, terminal);
    pty.stays = stays;
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
  /** Whether what was written last is still shown after the end. */
  stays = true;

  constructor(
    readonly sidecar: Sidecar,
    readonly terminal: number,
    readonly forget: () => void,
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
      this.forget();
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
