/** Owns the words of a question, and whether the answer is shown while it is typed. Pure. */
import type { AskParams } from './protocol';

/** Fits an input box and a message alike. */
export interface Wording {
  title: string;
  prompt: string;
  password: boolean;
}

export function wording(question: AskParams): Wording {
  switch (question.kind) {
    case 'hostKey':
      return {
        title: `The host ${question.host} is not known yet. Is this its key?`,
        prompt: `${question.algorithm} on port ${question.port}\n${question.fingerprint}\n\nCompare it with what the host's owner says.`,
        password: false,
      };
    case 'passphrase':
      return { title: `Passphrase of ${question.key}`, prompt: again(question.attempt), password: true };
    case 'password':
      return { title: `Password of ${question.user}@${question.host}`, prompt: again(question.attempt), password: true };
    case 'keyboardInteractive':
      return {
        title: question.name || `${question.user}@${question.host}`,
        prompt: [question.instructions, question.prompt].filter((text) => text !== '').join('\n'),
        password: !question.echo,
      };
  }
}

function again(attempt: number): string {
  return attempt > 1 ? `That was not right; try ${attempt} of 3.` : '';
}
