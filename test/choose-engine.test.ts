import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createMlp } from '../shared/model/mlp.ts';
import { chooseEngine } from '../worker/engines/choose.ts';
import { engineChoices } from '../worker/engines/index.ts';

const model = createMlp({ inputs: 6, hidden: [5, 4], classes: 3, activation: 'relu' });

describe('a worker left to choose', () => {
  it('takes the fastest engine that is here, and says why', async () => {
    const { engine, samplesPerSecond, story } = await choose('auto');
    expect(engine.label).not.toMatch(/^reference/);
    expect(samplesPerSecond).toBeGreaterThan(0);
    expect(story).toMatch(
      /^engine \S+: \S+ samples\/s, error \S+ against the reference; (the only one here|rather than )/,
    );
  });

  it('takes the reference where nothing else runs', async () => {
    withoutEngines(({ spec }) => spec !== 'reference:float64');
    expect((await choose('auto')).engine.label).toBe('reference:float64');
  });

  it('does not try what is only taken by name', async () => {
    const tries = [];
    for (const { kind, provider } of engineChoices) {
      if (!kind.onRequest?.includes(provider)) continue;
      const create = vi.spyOn(kind, 'create');
      onTestFinished(() => create.mockRestore());
      tries.push({ create, provider });
    }
    await choose('auto');
    for (const { create, provider } of tries) {
      expect(create).not.toHaveBeenCalledWith(model, provider);
    }
    expect(tries.length).toBeGreaterThan(0);
  });

  it('passes over an engine that computes wrongly, and says so', async () => {
    const [reference] = engineChoices.filter(({ spec }) => spec === 'reference:float64');
    for (const { kind } of engineChoices) {
      if (kind === reference.kind) continue;
      const spy = vi.spyOn(kind, 'create').mockImplementation(async () => {
        const engine = await reference.kind.create(model);
        const gradient: typeof engine.gradient = async (slice) => {
          const right = await engine.gradient(slice);
          return { ...right, gradient: right.gradient.map((value) => 2 * value) };
        };
        return {
          label: 'wrong',
          load: (weights) => engine.load(weights),
          gradient,
          predict: (images) => engine.predict(images),
          dispose: () => engine.dispose(),
        };
      });
      onTestFinished(() => spy.mockRestore());
    }
    const { engine, story } = await choose('auto');
    expect(engine.label).toBe('reference:float64');
    expect(story).toMatch(/; not onnx:cpu, .*wasm:simd, .*, which fails its proof here$/);
  });
});

describe('a worker told what to take', () => {
  it('takes that and nothing else', async () => {
    expect((await choose('reference')).engine.label).toBe('reference:float64');
    expect((await choose('onnx:cpu')).engine.label).toBe('onnx:cpu');
  });

  it('fails with the reason where it cannot run, although others could', async () => {
    withoutEngines(({ spec }) => spec === 'onnx:cpu');
    await expect(choose('onnx')).rejects.toThrow('onnx is not here');
  });

  it('does not know what is not in the registry', async () => {
    await expect(choose('abacus')).rejects.toThrow('there is no engine abacus');
  });
});

async function choose(spec: string) {
  const chosen = await chooseEngine({ spec, choices: engineChoices, model, sliceSize: 8 });
  onTestFinished(() => chosen.engine.dispose());
  return chosen;
}

type Choice = (typeof engineChoices)[number];

/** As on a machine on which these do not start. */
function withoutEngines(isMissing: (choice: Choice) => boolean): void {
  for (const choice of engineChoices.filter(isMissing)) {
    const name = choice.spec.split(':')[0];
    const spy = vi.spyOn(choice.kind, 'create').mockRejectedValue(new Error(`${name} is not here`));
    onTestFinished(() => spy.mockRestore());
  }
}
