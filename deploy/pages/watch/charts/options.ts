// What the reader of the charts has chosen, the same for all four.
import { signal } from '@preact/signals';

export const xAxes = ['step', 'epoch', 'time'] as const;
export type XAxis = (typeof xAxes)[number];

export const xAxis = signal<XAxis>('step');
/** From 0 to less than 1: see ../smoothing.ts. */
export const smoothing = signal(0.8);
export const isLogLoss = signal(false);
/** Of the x axis; undefined shows all. */
export const zoom = signal<{ readonly min: number; readonly max: number } | undefined>(undefined);
/** Rises when the colours have changed. */
export const theme = signal(0);

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  theme.value++;
});
