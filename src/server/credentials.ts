import { randomBytes, X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';

/** What a client over TCP needs to trust us, and to be trusted. The token equals root. */
export interface Credentials {
  /** PEM. Signs itself: it is also what the client takes for the authority. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
  readonly token: string;
}

const DAY_MS = 86_400_000;
const VALID_DAYS = 3_650;
const RENEW_DAYS = 30;
const TOKEN_BYTES = 32;

/**
 * Those kept in a directory that only root may enter, made when there are none, when they are about to expire or cannot be
 * read: a kubeconfig that was copied elsewhere goes on working through restarts and upgrades.
 */
export async function keepCredentials(directory: string, now: number): Promise<Credentials> {
  const file = `${directory}/credentials.json`;
  const known = await readKnown(file);
  if (
    known !== null &&
    Date.parse(new X509Certificate(known.certificate).validTo) > now + RENEW_DAYS * DAY_MS
  )
    return known;
  const fresh = await make(known?.token ?? randomBytes(TOKEN_BYTES).toString('hex'), now);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writePrivately(file, JSON.stringify(fresh));
  return fresh;
}

/** Replaces a file whole, for root's eyes only. */
export async function writePrivately(file: string, text: string): Promise<void> {
  const aside = `${file}.new`;
  const handle = await open(aside, 'w', 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(aside, file);
}

async function readKnown(file: string): Promise<Credentials | null> {
  try {
    const { certificate, key, token } = JSON.parse(await readFile(file, 'utf8')) as Partial<Credentials>;
    if (typeof certificate !== 'string' || typeof key !== 'string' || typeof token !== 'string') return null;
    new X509Certificate(certificate);
    return token.length >= TOKEN_BYTES ? { certificate, key, token } : null;
  } catch {
    // None yet, or cut off: new ones are made.
    return null;
  }
}

async function make(token: string, now: number): Promise<Credentials> {
  // Much code, and few ask for it.
  const { default: selfsigned } = await import('selfsigned');
  const { cert, private: key } = await selfsigned.generate([{ name: 'commonName', value: 'nspawnd' }], {
    algorithm: 'sha256',
    keyType: 'ec',
    notBeforeDate: new Date(now - DAY_MS),
    notAfterDate: new Date(now + VALID_DAYS * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  return { certificate: cert, key, token };
}
