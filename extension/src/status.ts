/** Owns how a status looks in the status bar, and how an end is told. Pure: the item is client.ts's. */
import type { ExitedParams, Phase, Status } from './protocol';

/** What the status item shows. */
export interface Presentation {
  text: string;
  tooltip: string;
  /** Whether the user should look. */
  warning: boolean;
}

const PHASES: Record<Phase, { icon: string; words: string }> = {
  notConnected: { icon: 'debug-disconnect', words: 'not connected' },
  connecting: { icon: 'sync~spin', words: 'connecting' },
  connected: { icon: 'plug', words: 'connected' },
  comparing: { icon: 'sync~spin', words: 'comparing' },
  uploading: { icon: 'sync~spin', words: 'uploading' },
  inSync: { icon: 'check', words: 'in sync' },
  paused: { icon: 'debug-pause', words: 'paused' },
  trouble: { icon: 'warning', words: 'needs a look' },
  debugging: { icon: 'debug-alt', words: 'debugging' },
  stale: { icon: 'debug-alt', words: 'debugging an older text' },
  reconnecting: { icon: 'sync~spin', words: 'connection lost, reconnecting' },
};

const MOST_NAMES = 5;

export function present(status: Status): Presentation {
  const { icon, words } = PHASES[status.phase];
  const pending = status.pending > 0 ? ` (${status.pending} pending)` : '';
  const lines = [
    `Remora: ${words}${pending}`,
    ...named('Changed by somebody else over there', status.diverged),
    ...named('Not stored', status.failed.map(({ path }) => path)),
    ...(status.message === null ? [] : [status.message]),
  ];
  return {
    text: `$(${icon}) ${status.target ?? 'Remora'}${pending}`,
    tooltip: lines.join('\n'),
    warning: status.phase === 'trouble' || status.phase === 'reconnecting',
  };
}

/** How the program ended, in a sentence. */
export function ending({ code, signal, lost }: ExitedParams): string {
  if (lost) return 'The connection to the program was lost.';
  return signal === undefined ? `The program ended with ${code ?? 0}.` : `The program was ended by signal ${signal}.`;
}

function named(title: string, paths: string[]): string[] {
  if (paths.length === 0) return [];
  const rest = paths.length > MOST_NAMES ? `, and ${paths.length - MOST_NAMES} more` : '';
  return [`${title}: ${paths.slice(0, MOST_NAMES).join(', ')}${rest}`];
}
