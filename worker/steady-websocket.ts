import { receiveInPlace } from '../shared/steady-receiver.ts';
import type { FrameMemory } from './frame-memory.ts';
import { UnmaskedWebSocket } from './unmasked-websocket.ts';

/** A WebSocket whose large messages come in memory that is used again. */
export function steadyWebSocket(memory: FrameMemory) {
  return class extends UnmaskedWebSocket {
    override createSocket(...options: Parameters<UnmaskedWebSocket['createSocket']>) {
      const webSocket = super.createSocket(...options);
      webSocket.once('open', () => receiveInPlace(webSocket, (bytes) => memory.received(bytes)));
      return webSocket;
    }
  };
}
