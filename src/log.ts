import { type Logger, pino } from 'pino';
import type { Config } from './config.ts';

export type Log = Logger;

/**
 * JSON lines on standard output, which systemd hands to the journal. Constant sentences, facts as fields. Under systemd
 * each line begins with its priority (sd-daemon(3)), so that `journalctl -p warning` works.
 */
export function createLog(level: Config['logLevel']): Log {
  const isJournal = process.env.JOURNAL_STREAM !== undefined;
  const destination = {
    // pino sets lastLevel before each write to a destination that asks for it.
    [pino.symbols.needsMetadataGsym]: true,
    lastLevel: 30,
    write(line: string): void {
      process.stdout.write(isJournal ? `<${priority(destination.lastLevel)}>${line}` : line);
    },
  };
  return pino(
    { level, base: null, timestamp: !isJournal, formatters: { level: label => ({ level: label }) } },
    destination,
  );
}

/** syslog's number for pino's. */
function priority(level: number): number {
  if (level >= 60) return 2;
  if (level >= 50) return 3;
  if (level >= 40) return 4;
  return level >= 30 ? 6 : 7;
}
