// TensorFlow.js in a tab: on WebGL the way to a graphics card where there is no WebGPU, as on pages that came over plain HTTP.
import type { EngineKind } from '../../shared/contracts.ts';

/** WebGPU is the shorter way to the same card, and our own kernels are on it. */
const isOutdone = 'gpu' in navigator;

const byNameAlone = ['software', 'webgpu', 'webgpu-software'];

export const tfjs: EngineKind = {
  tolerance: 1e-5,
  providers: ['webgl', ...byNameAlone],
  onRequest: isOutdone ? ['webgl', ...byNameAlone] : byNameAlone,
  create: async (model, provider = 'webgl') => {
    const label = `tfjs:${provider}`;
    if (!provider.startsWith('webgpu')) checkWebGl(label, provider === 'software');
    const { createTfjsEngine } = await import('./tfjs-engine.ts');
    return createTfjsEngine(model, label, provider);
  },
};

function checkWebGl(label: string, mayBeSoftware: boolean): void {
  const renderer = webGlRenderer();
  if (renderer === undefined) {
    throw new Error(`engine ${label}: this browser offers no WebGL 2 to a worker; use another one`);
  }
  if (!mayBeSoftware && /swiftshader|llvmpipe|basic render/i.test(renderer)) {
    throw new Error(
      `engine ${label}: WebGL finds nothing but ${renderer}, which is software; use wasm instead`,
    );
  }
}

/** What draws, in the words of its driver; undefined without WebGL 2. */
function webGlRenderer(): string | undefined {
  const context = new OffscreenCanvas(1, 1).getContext('webgl2');
  if (context === null) return undefined;
  const names = context.getExtension('WEBGL_debug_renderer_info');
  const renderer = context.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? context.RENDERER);
  context.getExtension('WEBGL_lose_context')?.loseContext();
  return String(renderer);
}
