/**
 * Owns what the sidecar and the extension say to each other beyond LSP: names and shapes, as
 * `crates/remora/src/protocol.rs` has them. `tests/tests/protocol_guard.rs` compares
 * the two, type by type under the same name. Decides nothing.
 */
import { NotificationType, RequestType } from 'vscode-languageclient/node';

/** The state in one word. */
export type Phase =
  | 'notConnected'
  | 'connecting'
  | 'connected'
  | 'comparing'
  | 'uploading'
  | 'inSync'
  | 'paused'
  | 'trouble'
  | 'debugging'
  | 'stale'
  | 'reconnecting';

/** Everything that the editor shows of a target; always whole. Paths are relative to both roots, 1,000 of a kind at most. */
export interface Status {
  target: string | null;
  remoteRoot: string | null;
  phase: Phase;
  pending: number;
  waiting: string[];
  diverged: string[];
  failed: FailedFile[];
  sessions: SessionStatus[];
  progress: UploadProgress | null;
  message: string | null;
}

/** A file whose upload failed, and why, in one sentence; it is tried again. */
export interface FailedFile {
  path: string;
  reason: string;
}

/** `stale`: Python files that were stored on the remote since the program started. */
export interface SessionStatus {
  session: number;
  name: string;
  attached: boolean;
  stale: string[];
}

/** How far a bulk upload is. */
export interface UploadProgress {
  filesDone: number;
  filesTotal: number;
  bytesDone: number;
  bytesTotal: number;
}

export interface ConnectParams {
  target?: string;
}

export interface MirrorParams {
  target?: string;
  overwrite?: boolean;
}

/** What one batch of the mirror did. */
export interface MirroredParams {
  files: number;
  bytes: number;
  ms: number;
}

export type Debugger = 'auto' | 'debugpy' | 'ptvsd';

/** Exactly one of `file` and `module` is given. */
export interface DebugStartParams {
  target?: string;
  file?: string;
  module?: string;
  args?: string[];
  cwd?: string;
  env?: Record<string, string>;
  python?: string;
  debugger?: Debugger;
  inCode?: boolean;
  port?: number;
}

export interface DebugStartResult {
  session: number;
  host: string;
  port: number;
  configuration: AttachConfiguration;
}

/** An entry of `launch.json`. */
export interface AttachConfiguration {
  name: string;
  type: string;
  request: string;
  [key: string]: unknown;
}

export interface SessionParams {
  session: number;
}

export interface LaunchJsonParams {
  target?: string;
  name?: string;
  port?: number;
  text: string;
}

export interface LaunchJsonResult {
  text: string;
}

export interface OutputParams {
  session: number;
  stream: 'stdout' | 'stderr';
  data: string;
}

/** One of `code`, `signal` and `lost`. */
export interface ExitedParams {
  session: number;
  code?: number;
  signal?: number;
  lost?: boolean;
}

/** What failed, on what, and what to do; also the `data` of an error reply. */
export interface Fault {
  kind: string;
  message: string;
  hint: string;
}

export interface HostKey {
  kind: 'hostKey';
  host: string;
  port: number;
  algorithm: string;
  fingerprint: string;
}

export interface Passphrase {
  kind: 'passphrase';
  key: string;
  attempt: number;
}

export interface Password {
  kind: 'password';
  user: string;
  host: string;
  attempt: number;
}

export interface KeyboardInteractive {
  kind: 'keyboardInteractive';
  user: string;
  host: string;
  name: string;
  instructions: string;
  prompt: string;
  echo: boolean;
}

export type AskParams = HostKey | Passphrase | Password | KeyboardInteractive;

/** `trust` and `remember` answer a host key, `secret` anything else. */
export interface AskResult {
  trust?: boolean;
  remember?: boolean;
  secret?: string;
}

/** null means that the user declined. */
export type Answer = AskResult | null;

export const connect = new RequestType<ConnectParams, Status, Fault>('remora/connect');
export const mirror = new RequestType<MirrorParams, MirroredParams, Fault>('remora/mirror');
export const debugStart = new RequestType<DebugStartParams, DebugStartResult, Fault>('remora/debug/start');
export const debugStop = new RequestType<SessionParams, null, Fault>('remora/debug/stop');
export const launchJson = new RequestType<LaunchJsonParams, LaunchJsonResult, Fault>('remora/launchJson');
export const ask = new RequestType<AskParams, Answer, undefined>('remora/ask');

export const status = new NotificationType<Status>('remora/status');
export const mirrored = new NotificationType<MirroredParams>('remora/mirrored');
export const output = new NotificationType<OutputParams>('remora/output');
export const exited = new NotificationType<ExitedParams>('remora/exited');
export const fault = new NotificationType<Fault>('remora/fault');
