// As much of a worker's connection as tells whether it is on this machine.
import type { Socket } from 'socket.io';

export function socketFrom(remoteAddress: string, localAddress: string, localPort: number): Socket {
  return { request: { socket: { remoteAddress, localAddress, localPort } } } as unknown as Socket;
}
