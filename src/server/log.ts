/** The part of pino's logger that the face uses. */
export interface ServerLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
