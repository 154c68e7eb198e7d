/** What an adapter computes on. */
export const webGpuProviders = ['hardware', 'software'] as const;
export type WebGpuProvider = (typeof webGpuProviders)[number];
