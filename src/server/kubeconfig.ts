import type { Credentials } from './credentials.ts';

/** A kubeconfig that leads to us: JSON, which kubectl reads as well as YAML. */
export function kubeconfig(host: string, port: number, { certificate, token }: Credentials): string {
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'nspawnd',
        cluster: {
          server,
          'certificate-authority-data': Buffer.from(certificate).toString('base64'),
        },
      },
    ],
    users: [{ name: 'root', user: { token } }],
    contexts: [{ name: 'nspawnd', context: { cluster: 'nspawnd', user: 'root' } }],
    'current-context': 'nspawnd',
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
