import { type Packet, PacketType } from 'socket.io-parser';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../shared/random.ts';
import { Decoder, Encoder } from '../shared/socket-parser.ts';
import { encodeFrame, WireError } from '../shared/wire.ts';
import { landed, randomBytes, randomJson } from './frames.ts';

const nsp = '/work';
const payload = Uint8Array.of(1, 2, 3, 4);
const weights = { type: 'weights', version: 7, payload };

describe('a packet', () => {
  it.each<[string, Packet]>([
    ['CONNECT', { type: PacketType.CONNECT, nsp }],
    ['CONNECT with credentials', { type: PacketType.CONNECT, nsp, data: { name: 'lab-1' } }],
    ['DISCONNECT', { type: PacketType.DISCONNECT, nsp }],
    ['EVENT', { type: PacketType.EVENT, nsp: '/', data: ['message', { type: 'leave' }] }],
    ['EVENT without arguments', { type: PacketType.EVENT, nsp, data: ['hello'] }],
    ['EVENT with arguments', { type: PacketType.EVENT, nsp, data: ['sum', 1, null, [2], '3'] }],
    ['EVENT to be acknowledged', { type: PacketType.EVENT, nsp, data: ['ask'], id: 0 }],
    ['EVENT with a payload', { type: PacketType.EVENT, nsp, data: ['message', weights] }],
    ['EVENT with both', { type: PacketType.EVENT, nsp, data: ['message', weights], id: 12 }],
    ['ACK', { type: PacketType.ACK, nsp, data: [], id: 3 }],
    ['ACK with a payload', { type: PacketType.ACK, nsp, data: ['yes', weights], id: 3 }],
    ['CONNECT_ERROR', { type: PacketType.CONNECT_ERROR, nsp, data: { message: 'no' } }],
    ['CONNECT_ERROR in words', { type: PacketType.CONNECT_ERROR, nsp, data: 'no' }],
  ])('of type %s arrives as it was sent', (_, packet) => {
    expect(received(...new Encoder().encode(packet))).toEqual(packet);
  });

  it('arrives as it was sent from a Buffer, as in Node, and an ArrayBuffer, as in a tab', () => {
    const random = createRandom(1, 'packets');
    for (let round = 0; round < 300; round++) {
      const message = { body: randomJson(random, 3), payload: randomBytes(random, round) };
      const [frame] = new Encoder().encode(eventOf(message));
      const chunks = [landed(frame, round % 9, 'Buffer'), frame.slice().buffer];
      for (const chunk of chunks) {
        const [event, { body, payload }] = received(chunk).data;
        expect([event, body]).toEqual(['message', message.body]);
        expect(Uint8Array.from(payload)).toEqual(message.payload);
      }
    }
  });

  it('loses undefined fields on its way, as it would in JSON', () => {
    const data = ['message', { kept: null, dropped: undefined, payload }];
    const packet = received(...new Encoder().encode({ type: PacketType.EVENT, nsp, data }));
    expect(packet.data).toStrictEqual(['message', { kept: null, payload }]);
  });

  it('carries its payload in place, not in a copy', () => {
    const [frame] = new Encoder().encode(eventOf(weights));
    expect(received(frame).data[1].payload.buffer).toBe(frame.buffer);
  });
});

describe('the encoder', () => {
  it('encodes a message with a payload once, whoever it goes to', () => {
    const encoder = new Encoder();
    const [first] = encoder.encode(eventOf(weights));
    const [second] = encoder.encode(eventOf(weights));
    expect(second).toBe(first);
  });

  it('leaves the message as it was', () => {
    const message = { ...weights };
    new Encoder().encode(eventOf(message));
    expect(message).toEqual(weights);
  });

  it('encodes it again for another namespace, event or acknowledgement', () => {
    const encoder = new Encoder();
    const [first] = encoder.encode(eventOf(weights));
    const others = [
      { ...eventOf(weights), nsp: '/watch' },
      { ...eventOf(weights), data: ['news', weights] },
      { ...eventOf(weights), id: 5 },
      { ...eventOf(weights), id: 6 },
    ];
    for (const other of others) {
      const [frame] = encoder.encode(other);
      expect(frame).not.toBe(first);
      expect(received(frame)).toEqual(other);
    }
  });

  it('never takes an equal message for the same one', () => {
    const encoder = new Encoder();
    const [first] = encoder.encode(eventOf({ ...weights }));
    const [second] = encoder.encode(eventOf({ ...weights, version: 8 }));
    expect(received(first).data[1].version).toBe(7);
    expect(received(second).data[1].version).toBe(8);
  });
});

describe('a forged packet', () => {
  const { CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT } = PacketType;

  it.each<[string, unknown]>([
    ['the event "connect"', [EVENT, nsp, ['connect']]],
    ['the event "connect_error"', [EVENT, nsp, ['connect_error']]],
    ['the event "disconnect"', [EVENT, nsp, ['disconnect', 'transport close']]],
    ['the event "disconnecting"', [EVENT, nsp, ['disconnecting']]],
    ['the event "newListener"', [EVENT, nsp, ['newListener']]],
    ['the event "removeListener"', [EVENT, nsp, ['removeListener']]],
    ['an event whose name is an object', [EVENT, nsp, [{}]]],
    ['an event without a name', [EVENT, nsp, []]],
    ['an event that is no array', [EVENT, nsp, { 0: 'message', length: 1 }]],
    ['an event without data', [EVENT, nsp]],
    ['a namespace that is a number', [EVENT, 7, ['message']]],
    ['a namespace that is an object', [EVENT, { toString: '/' }, ['message']]],
    ['a namespace that is nil', [EVENT, null, ['message']]],
    ['a negative id', [EVENT, nsp, ['message'], -1]],
    ['a broken id', [EVENT, nsp, ['message'], 1.5]],
    ['an id in words', [ACK, nsp, [], '3']],
    ['an id that is nil', [EVENT, nsp, ['message'], null]],
    ['an answer that is no array', [ACK, nsp, 'yes', 3]],
    ['credentials that are no object', [CONNECT, nsp, ['name']]],
    ['a farewell with data', [DISCONNECT, nsp, ['bye']]],
    ['an error that is a number', [CONNECT_ERROR, nsp, 5]],
    ['a type of socket.io that is not used here', [BINARY_EVENT, nsp, ['message']]],
    ['a type that does not exist', [99, nsp, ['message']]],
    ['a type in words', ['2', nsp, ['message']]],
    ['too few fields', [EVENT]],
    ['too many fields', [EVENT, nsp, ['message'], 1, 2]],
    ['a map for an array', { 0: EVENT, 1: nsp, 2: ['message'], length: 3 }],
    ['nil for an array', null],
  ])('with %s is refused before anybody hears of it', (_, header) => {
    expect(() => received(encodeFrame(header))).toThrow(WireError);
  });

  it.each<[string, unknown]>([
    ['a greeting', [CONNECT, nsp, { name: 'lab-1' }]],
    ['a farewell', [DISCONNECT, nsp]],
    ['an event without a message', [EVENT, nsp, ['message']]],
    ['a message in words', [EVENT, nsp, ['message', 'hello']]],
    ['a message that is nil', [EVENT, nsp, ['message', null]]],
  ])('with a payload on %s is refused', (_, header) => {
    expect(() => received(encodeFrame(header, payload))).toThrow('no message to carry it');
  });

  it.each(['2["message"]', '', 42, null, ['message'], new Float32Array(4)])(
    'that is no binary frame is refused: %j',
    (chunk) => {
      expect(() => received(chunk)).toThrow('where only binary ones are spoken');
    },
  );
});

describe('the decoder', () => {
  it('goes on after a refusal', () => {
    const decoder = new Decoder();
    const packets: Packet[] = [];
    decoder.on('decoded', (packet) => packets.push(packet));
    expect(() => decoder.add(encodeFrame([99, nsp]))).toThrow(WireError);
    decoder.add(encodeFrame([PacketType.EVENT, nsp, ['message']]));
    expect(packets).toEqual([{ type: PacketType.EVENT, nsp, data: ['message'] }]);
  });

  it('tells nobody any more once it is destroyed', () => {
    const decoder = new Decoder();
    const packets: Packet[] = [];
    decoder.on('decoded', (packet) => packets.push(packet));
    decoder.destroy();
    decoder.add(encodeFrame([PacketType.DISCONNECT, nsp]));
    expect(packets).toEqual([]);
  });
});

function eventOf(message: object): Packet {
  return { type: PacketType.EVENT, nsp, data: ['message', message] };
}

/** The one packet that comes out of a decoder. */
function received(chunk: unknown): Packet {
  const packets: Packet[] = [];
  const decoder = new Decoder();
  decoder.on('decoded', (packet) => packets.push(packet));
  decoder.add(chunk);
  expect(packets).toHaveLength(1);
  return packets[0];
}
