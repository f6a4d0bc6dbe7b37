/** Every bound of one socket, in one place. Generous for people and their scripts, fatal for accidents. */
export interface Limits {
  readonly connections: number;
  /** Requests of one connection that wait for their answer or are being answered; with one more it is ended. */
  readonly unansweredRequests: number;
  readonly watchers: number;
  readonly headerBytes: number;
  readonly bodyBytes: number;
  readonly previewBytes: number;
  readonly previewFiles: number;
  /** For the headers, and for the whole request, to arrive. */
  readonly requestTimeoutMs: number;
  /** For the answer to be found. */
  readonly handlerTimeoutMs: number;
  /** For the client to take the whole answer; a watch has `stallMs`. */
  readonly takeTimeoutMs: number;
  /** What all clients together may leave of whole answers without taking it. */
  readonly untakenBytes: number;
  readonly keepAliveMs: number;
  readonly bookmarkMs: number;
  /** What a slow reader of a watch may leave unread before it is cut off. */
  readonly unreadBytes: number;
  /** How long a reader of a watch may take nothing at all while there is something for it. */
  readonly stallMs: number;
  /** Changes kept for a watch that comes back with a resourceVersion. */
  readonly historyChanges: number;
  /** The same in characters of JSON, so that a few large manifests do not fill the memory. */
  readonly historyLength: number;
}

export const DEFAULT_LIMITS: Limits = {
  connections: 256,
  // Who does not pipeline has one, or two in the moment between an answer's last byte and its end.
  unansweredRequests: 8,
  watchers: 100,
  headerBytes: 16_384,
  bodyBytes: 64 * 1024,
  previewBytes: 4 * 1024 * 1024,
  previewFiles: 10_000,
  requestTimeoutMs: 30_000,
  handlerTimeoutMs: 30_000,
  // Megabytes over a socket of this host take a fraction of a second; a client may be busy for a moment.
  takeTimeoutMs: 30_000,
  // A list of a thousand containers is two megabytes, and there are two hundred and fifty-six connections.
  untakenBytes: 128 * 1024 * 1024,
  keepAliveMs: 10_000,
  bookmarkMs: 10_000,
  unreadBytes: 4 * 1024 * 1024,
  stallMs: 60_000,
  historyChanges: 1024,
  historyLength: 32 * 1024 * 1024,
};
