import { describe, expect, it } from 'vitest';
import { PayloadSlots } from '../shared/payload-slots.ts';
import { Encoder } from '../shared/socket-parser.ts';
import { decodeFrame, encodeFrame, payloadIn, roomForFrame } from '../shared/wire.ts';

const payloadBytes = 100;

function newSlots() {
  const made: Uint8Array[] = [];
  const slots = new PayloadSlots(2, payloadBytes, (bytes) => {
    const memory = new Uint8Array(bytes);
    made.push(memory);
    return memory;
  });
  return { slots, made };
}

describe('slots for payloads', () => {
  it('hand out none that somebody still sends', () => {
    const { slots } = newSlots();
    const sending = new Set(['fast', 'slow']);
    const carrierOf = (name: string) => ({ hasSentAll: () => !sending.has(name) });
    const first = slots.take();
    slots.lend(first, carrierOf('fast'));
    slots.lend(first, carrierOf('slow'));
    const second = slots.take();
    expect(second).not.toBe(first);
    slots.lend(second, carrierOf('slow'));
    sending.delete('fast');
    const spare = slots.take();
    expect([first, second]).not.toContain(spare);
    expect(spare).toHaveLength(payloadBytes);
    slots.lend(spare, carrierOf('slow'));
    sending.delete('slow');
    expect(slots.take()).toBe(first);
  });

  it('are sent from where they are', () => {
    const { slots, made } = newSlots();
    const payload = slots.take().fill(7);
    const [frame] = new Encoder().encode({ type: 2, nsp: '/', data: ['message', { payload }] });
    expect(frame.buffer).toBe(made[0].buffer);
    expect(decodeFrame(frame).payload).toEqual(new Uint8Array(payloadBytes).fill(7));
  });
});

describe('a frame around its payload', () => {
  it('has the bytes of a frame with a copy, whatever was there before', () => {
    for (let length = 0; length < 40; length++) {
      const room = new Uint8Array(roomForFrame(length)).fill(0xee);
      const payload = payloadIn(room).fill(3);
      for (const header of ['', 'x'.repeat(length), 'y'.repeat(300)]) {
        const frame = encodeFrame(header, payload);
        expect(frame.buffer).toBe(room.buffer);
        expect(frame).toEqual(encodeFrame(header, new Uint8Array(length).fill(3)));
      }
    }
  });

  it('is one of its own when the header does not fit', () => {
    const payload = payloadIn(new Uint8Array(roomForFrame(8))).fill(5);
    const header = 'x'.repeat(1000);
    const frame = encodeFrame(header, payload);
    expect(frame.buffer).not.toBe(payload.buffer);
    expect(decodeFrame(frame)).toEqual({ header, payload });
  });
});
