/**
 * Time spans as systemd writes them ("90s", "2min 30s", "1h", a bare number is seconds).
 * Source: systemd.time(7), "PARSING TIME SPANS"; the units that make sense for a start or a stop.
 */
const UNIT_SECONDS: Readonly<Record<string, number>> = {
  ms: 0.001,
  msec: 0.001,
  s: 1,
  sec: 1,
  second: 1,
  seconds: 1,
  m: 60,
  min: 60,
  minute: 60,
  minutes: 60,
  h: 3600,
  hr: 3600,
  hour: 3600,
  hours: 3600,
  d: 86_400,
  day: 86_400,
  days: 86_400,
};

const AMOUNT = '\\d+(?:\\.\\d+)?';
const UNIT = Object.keys(UNIT_SECONDS).join('|');
/** The same for editors: amounts with a unit, only the last of which may go without. */
export const DURATION_PATTERN = `^\\s*(?:${AMOUNT}\\s*(?:${UNIT})\\s*)*${AMOUNT}\\s*(?:${UNIT})?\\s*$`;

/** Seconds, or `null` when the text is not a span. */
export function parseDurationSec(text: string): number | null {
  const rest = text.trim();
  if (rest === '' || rest.length > 64) return null;
  let seconds = 0;
  let matchedUpTo = 0;
  const part = /\s*(\d+(?:\.\d+)?)\s*([a-z]*)/gy;
  for (let match = part.exec(rest); match !== null; match = part.exec(rest)) {
    const [, amount = '', unit = ''] = match;
    const unitSeconds = unit === '' ? 1 : UNIT_SECONDS[unit];
    if (unitSeconds === undefined) return null;
    seconds += Number(amount) * unitSeconds;
    matchedUpTo = part.lastIndex;
  }
  return matchedUpTo === rest.length ? seconds : null;
}
