// The WebAssembly that the codecs of 16 bits have in common.
import { vectorOffsets } from '../vectors/kernel.ts';
import { assembleGuest } from '../wasm/guest.ts';
import { set, vector } from '../wasm/instructions.ts';
import { narrow } from '../wasm/lanes.ts';
import { assembleFunction } from '../wasm/module.ts';
import { BlockKernel } from './block-kernel.ts';
import {
  blockLength,
  decoder,
  eachBlock,
  eitherWay,
  type HalfLanes,
  halvesBytes,
  storeRounded,
  withTools,
} from './half-lanes.ts';

export function halvesKernel(lanes: HalfLanes): BlockKernel {
  const assemble = () =>
    assembleGuest([encodeFunction(lanes), decodeFunction(lanes), roundFunction(lanes)]);
  return new BlockKernel({ blockLength, partBytes: [halvesBytes], assemble });
}

function encodeFunction(lanes: HalfLanes) {
  const names = ['values', 'end', 'draw', 'halves'] as const;
  return assembleFunction('encode', names, ({ values, end, halves }, newLocal) =>
    withTools(newLocal, (tools) => {
      const block = vectorOffsets.map(() => newLocal('v128'));
      const [first, second, third, fourth] = block;
      return eachBlock({ values, end, halves }, [
        ...block.map((value, at) => set(value, vector.load(values, vectorOffsets[at]))),
        eitherWay(lanes, block, tools, (isUsual) =>
          block.map((value) => set(value, lanes.encode(value, tools, isUsual))),
        ),
        vector.store(halves, narrow.toUnsignedHalves(first, second), 0),
        vector.store(halves, narrow.toUnsignedHalves(third, fourth), 16),
      ]);
    }),
  );
}

function decodeFunction(lanes: HalfLanes) {
  return assembleFunction('decode', ['values', 'end', 'halves'], (input, newLocal) =>
    withTools(newLocal, (tools) => {
      const decodeAt = decoder(lanes, input, newLocal('v128'), tools);
      return eachBlock(input, vectorOffsets.flatMap(decodeAt));
    }),
  );
}

function roundFunction(lanes: HalfLanes) {
  return assembleFunction('round', ['values', 'end', 'draw'], ({ values, end }, newLocal) =>
    withTools(newLocal, (tools) => {
      const block = vectorOffsets.map(() => newLocal('v128'));
      return eachBlock({ values, end }, [
        ...block.map((value, at) => set(value, vector.load(values, vectorOffsets[at]))),
        storeRounded(lanes, values, block, tools),
      ]);
    }),
  );
}
