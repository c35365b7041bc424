import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { Certificate } from './certificates.ts';

export interface TlsFront {
  readonly port: number;
  /** The name each client asked for; false for one that asked for none. */
  readonly names: readonly (string | false)[];
  /** From now on nothing is read from clients. */
  stall(): void;
  /** Ends every connection at once, and the front. */
  close(): Promise<void>;
}

/** Takes TLS on a free port of that address and gives what is in it to a server on 127.0.0.1. */
export async function startTlsFront(
  backPort: number,
  certificate: Certificate,
  address = '127.0.0.1',
): Promise<TlsFront> {
  const clients = new Set<TLSSocket>();
  const backs = new Set<Socket>();
  const names: (string | false)[] = [];
  const server = createServer({ ...certificate, ALPNProtocols: ['http/1.1'] }, (client) => {
    const back = connect(backPort, '127.0.0.1');
    clients.add(client);
    backs.add(back);
    names.push((client as TLSSocket & { servername: string | false }).servername);
    client.on('error', () => back.destroy());
    back.on('error', () => client.destroy());
    client.once('close', () => clients.delete(client));
    back.once('close', () => backs.delete(back));
    client.pipe(back);
    back.pipe(client);
  });
  server.on('tlsClientError', () => undefined); // a client that does not trust us
  server.listen(0, address);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    names,
    stall() {
      for (const client of clients) client.unpipe().pause();
    },
    async close() {
      for (const socket of [...clients, ...backs]) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
