import { describe, expect, it } from 'vitest';
import {
  chooseSyncing,
  type Exchange,
  parseRate,
  refuseChosenBeside,
  syncings,
  valueBytes,
  withChoiceForLine,
  withChoiceForLines,
  withChoiceOf,
} from '../deploy/line-choice.ts';
import { type ConfigFlags, configOf } from '../deploy/run-options.ts';
import { loadCodecs, weightsCodecNames } from '../shared/codecs/index.ts';

const loaded = {
  dataset: {
    shape: { trainSamples: 60_000, testSamples: 1, rows: 28, columns: 28, classes: 10 },
    train: { images: new Uint8Array(), labels: new Uint8Array() },
    test: { images: new Uint8Array(), labels: new Uint8Array() },
  },
  dataHash: '0'.repeat(64),
};
const exchange: Exchange = {
  parameterCount: 1e6,
  upBytesPerSecond: 1e6,
  downBytesPerSecond: 1e6,
  latencySeconds: 0,
  samplesPerStep: 100,
  localSamplesPerStep: 100,
  samplesPerSecond: 100,
};

const atRates = (upBytesPerSecond: number, downBytesPerSecond: number): Exchange => ({
  ...exchange,
  upBytesPerSecond,
  downBytesPerSecond,
});

describe('the choice for a line', () => {
  it('is the mildest with which workers wait no longer than they compute', () => {
    const choiceAt = (rate: number) => {
      const { syncing } = chooseSyncing([atRates(rate, rate)]);
      return `${syncing.codec}/${syncing.weightsCodec} ${syncing.localSteps}`;
    };
    // A step is computed in a second, and eight megabytes of float32 travel for it.
    expect(choiceAt(8e6)).toBe('float32/float32 1');
    expect(choiceAt(7.9e6)).toBe('bfloat16/bfloat16 1');
    expect(choiceAt(3.9e6)).toBe('int8/float16 1');
    expect(choiceAt(3e6)).toBe('float32/float32 8');
    expect(choiceAt(0.45e6)).toBe('int8/float16 8');
    expect(choiceAt(0.1e6)).toBe('int8/float16 32');
  });

  it('is what sends the least where nothing is enough', () => {
    const choice = chooseSyncing([atRates(1, 1)]);
    expect(choice.syncing).toEqual(syncings.at(-1));
    expect(choice.exchangeSeconds).toBeCloseTo(3.03125e6);
    expect(choice.computeSeconds).toBe(32);
  });

  it('looks at each way by itself, and at the time that a message is on its way', () => {
    const uneven = chooseSyncing([atRates(8e6, 16e6)]);
    expect(uneven.syncing.codec).toBe('float32');
    expect(uneven.exchangeSeconds).toBeCloseTo(0.75);
    expect(chooseSyncing([atRates(16e6, 4e6)]).syncing.codec).toBe('bfloat16');
    const far = chooseSyncing([{ ...atRates(20e6, 20e6), latencySeconds: 0.7 }]);
    expect(far.syncing.codec).toBe('bfloat16');
    expect(far.exchangeSeconds).toBeCloseTo(0.9);
  });

  it('is for whoever would wait the most, be it for a thin line or beside a quick engine', () => {
    const near = atRates(100e6, 100e6);
    const thin = atRates(2e6, 2e6);
    const quick = { ...near, samplesPerSecond: 10_000 };
    expect(chooseSyncing([near, thin])).toEqual(chooseSyncing([thin]));
    expect(chooseSyncing([near, thin]).exchange).toBe(thin);
    expect(chooseSyncing([quick, near])).toMatchObject({
      exchange: quick,
      syncing: { codec: 'float32', localSteps: 8 },
    });
  });

  it('knows what a value takes in each codec', async () => {
    for (const name of weightsCodecNames) {
      const { weights } = await loadCodecs({ gradients: name, weights: name });
      expect(weights.byteLength(128_000)).toBe(128_000 * valueBytes[name]);
    }
  });
});

describe('--sync auto', () => {
  const line = {
    name: 'far',
    workers: 1,
    samplesPerSecond: 1926,
    latencySeconds: 0.02,
    upBytesPerSecond: 2.5e6,
    downBytesPerSecond: 2.5e6,
  };
  const near = { ...line, name: 'near', upBytesPerSecond: 1e9, downBytesPerSecond: 1e9 };
  const flags: ConfigFlags = { sync: 'auto' };

  it('chooses as for a named line, for the one who waits the most, and tells its figures', () => {
    const chosen = withChoiceForLines(flags, loaded, [near, line]);
    const { codecs, sync } = configOf(chosen.flags, loaded);
    expect(codecs).toEqual({ gradients: 'int8', weights: 'float16' });
    expect(sync).toMatchObject({ mode: 'local', localSteps: 16 });
    expect(chosen.notices).toEqual([
      'Measured 20 Mbit/s up, 20 Mbit/s down, 20 ms there and back, 1926 samples/s (far, who waits ' +
        'the most of 2): gradients travel as int8, weights as float16, and workers sync every 16 ' +
        'local steps. A round takes 0.52 s of the line and about 0.53 s of computing.',
    ]);
  });

  it('counts what all compute who are behind a relay', () => {
    const room = { ...line, workers: 4, samplesPerSecond: 4 * 1926 };
    const one = withChoiceForLines(flags, loaded, [line]);
    expect(withChoiceForLines(flags, loaded, [room]).flags).toEqual(one.flags);
  });

  it('leaves a run as it would be where nobody was measured', () => {
    const { flags: chosen, notices } = withChoiceForLines(flags, loaded, []);
    expect(configOf(chosen, loaded)).toEqual(configOf({}, loaded));
    expect(notices).toEqual([expect.stringMatching(/^Nobody answered in time/)]);
  });

  it('goes on as was chosen', () => {
    for (const lines of [[line], [near]]) {
      const config = configOf(withChoiceForLines(flags, loaded, lines).flags, loaded);
      expect(configOf(withChoiceOf(config, flags), loaded)).toEqual(config);
    }
  });

  it.each<[ConfigFlags, string]>([
    [{ codec: 'int8' }, '--sync auto chooses --codec: say one or the other.'],
    [{ localSteps: 8 }, '--sync auto chooses --local-steps: say one or the other.'],
    [{ line: '1gbit' }, '--sync auto chooses --line: say one or the other.'],
  ])('is refused beside %j', (beside, message) => {
    expect(() => refuseChosenBeside({ ...flags, ...beside })).toThrow(message);
  });
});

describe('--line', () => {
  const chosenFor = (flags: ConfigFlags) => {
    const { flags: chosen, notices } = withChoiceForLine(flags, loaded);
    const { codecs, sync } = configOf(chosen, loaded);
    return { codecs, sync, notices };
  };

  it('becomes part of the configuration, and says why', () => {
    expect(chosenFor({ line: '20mbit' })).toEqual({
      codecs: { gradients: 'int8', weights: 'float16' },
      sync: { mode: 'local', localSteps: 16, outerLearningRate: 1, outerMomentum: 0 },
      notices: [
        'For a line of 20mbit gradients travel as int8, weights as float16, and workers sync every ' +
          '16 local steps. A round takes 0.50 s of the line and about 0.53 s of computing.',
      ],
    });
    expect(chosenFor({ line: '10gbit' })).toMatchObject({
      codecs: { gradients: 'float32', weights: 'float32' },
      sync: { mode: 'step' },
      notices: [expect.stringContaining('sync at every step. A step takes 0.0027 s of the line')],
    });
  });

  it('takes no local steps for an optimizer that has none', () => {
    const { codecs, sync } = chosenFor({ line: '1mbit', optimizer: 'adam' });
    expect(sync).toEqual({ mode: 'step' });
    expect(codecs).toEqual({ gradients: 'int8', weights: 'float16' });
  });

  it('chooses nothing where it is not given', () => {
    expect(withChoiceForLine({ codec: 'int8' }, loaded)).toEqual({
      flags: { codec: 'int8' },
      notices: [],
    });
  });

  it.each<[ConfigFlags, string]>([
    [{ line: '20' }, '"20" is not the rate of a line.'],
    [{ line: '0mbit' }, '"0mbit" is not the rate of a line.'],
    [{ line: '1gbit', codec: 'int8' }, '--line chooses --codec: say one or the other.'],
    [{ line: '1gbit', weightsCodec: 'int8' }, '--line chooses --weights-codec: say one or the'],
    [{ line: '1gbit', sync: 'local' }, '--line chooses --sync: say one or the other.'],
  ])('is refused as %j', (flags, message) => {
    expect(() => withChoiceForLine(flags, loaded)).toThrow(message);
  });

  it('names lines as people do', () => {
    expect(parseRate('500kbit')).toBe(62_500);
    expect(parseRate('20mbit')).toBe(2.5e6);
    expect(parseRate('1.5gbit')).toBe(1.875e8);
  });
});
