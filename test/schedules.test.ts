import { describe, expect, it } from 'vitest';
import { learningRateOf, scheduleNames, schedules, withWarmup } from '../shared/schedules/index.ts';

const options = { decay: 0.1, decaySteps: 3 };

describe('a schedule', () => {
  it('of kind constant keeps the rate', () => {
    expect(valuesOf('constant', 5)).toEqual([1, 1, 1, 1, 1]);
  });

  it('of kind step decays as torch.optim.lr_scheduler.StepLR(step_size=3, gamma=0.1)', () => {
    expectClose(valuesOf('step', 10), [1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001]);
  });

  it('of kind cosine falls as torch.optim.lr_scheduler.CosineAnnealingLR(T_max=10)', () => {
    expectClose(
      valuesOf('cosine', 10),
      [
        1, 0.975528258148, 0.904508497187, 0.793892626146, 0.654508497187, 0.5, 0.345491502813,
        0.206107373854, 0.095491502813, 0.024471741852,
      ],
    );
  });

  it('of kind cosine stays at 0 after the end', () => {
    const cosine = schedules.cosine();
    expect(cosine(10, 10)).toBe(0);
    expect(cosine(13, 10)).toBe(0);
  });

  it.each(scheduleNames)(
    'of kind %s starts at the configured rate and never exceeds it',
    (name) => {
      const values = valuesOf(name, 30);
      expect(values[0]).toBe(1);
      expect(Math.max(...values)).toBe(1);
      expect(Math.min(...values)).toBeGreaterThan(0);
    },
  );
});

describe('a warm-up', () => {
  it('climbs in equal steps to the full rate, then the schedule starts', () => {
    const warm = withWarmup(schedules.step(options), 4);
    const rates = Array.from({ length: 9 }, (_, at) => warm(at, 9));
    expectClose(rates, [0.25, 0.5, 0.75, 1, 1, 1, 1, 0.1, 0.1]);
  });

  it('leaves the schedule the steps that remain', () => {
    const warm = withWarmup(schedules.cosine(), 5);
    expect(warm(5, 15)).toBe(1);
    expect(warm(10, 15)).toBeCloseTo(0.5, 12);
    expect(warm(15, 15)).toBe(0);
  });

  it('may take the whole run and longer', () => {
    const warm = withWarmup(schedules.cosine(), 8);
    expect([0, 3, 7].map((at) => warm(at, 4))).toEqual([1 / 8, 4 / 8, 1]);
    expect(warm(8, 8)).toBe(1);
  });

  it('of no steps changes nothing', () => {
    expect(withWarmup(schedules.step(options), 0)(3, 9)).toBe(0.1);
  });
});

describe('the learning rate of a run', () => {
  it('is the configured one times the schedule, decayed by epochs', () => {
    const rateOf = learningRateOf(
      {
        optimizer: { learningRate: 0.2 },
        schedule: { name: 'step', decay: 0.5, decayEpochs: 2, warmupSteps: 0 },
      },
      { stepsPerEpoch: 10, totalSteps: 60 },
    );
    expectClose([0, 19, 20, 39, 40].map(rateOf), [0.2, 0.2, 0.1, 0.1, 0.05]);
  });

  it('is never 0 at the first step of a warm-up', () => {
    const rateOf = learningRateOf(
      {
        optimizer: { learningRate: 1 },
        schedule: { name: 'cosine', decay: 0.5, decayEpochs: 2, warmupSteps: 2 },
      },
      { stepsPerEpoch: 3, totalSteps: 6 },
    );
    expectClose([0, 1, 2, 4].map(rateOf), [0.5, 1, 1, 0.5]);
  });
});

function valuesOf(name: (typeof scheduleNames)[number], totalSteps: number): number[] {
  const schedule = schedules[name](options);
  return Array.from({ length: totalSteps }, (_, at) => schedule(at, totalSteps));
}

function expectClose(actual: number[], expected: number[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [at, value] of expected.entries()) expect(actual[at]).toBeCloseTo(value, 11);
}
