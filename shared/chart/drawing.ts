// A picture as a list of shapes, whatever it becomes in the end. Units are pixels, y points down.

export type Point = readonly [x: number, y: number];

export type Shape =
  | {
      readonly kind: 'line';
      readonly points: readonly Point[];
      readonly color: string;
      readonly width: number;
    }
  | {
      readonly kind: 'text';
      /** Of the baseline, at the `anchor`. */
      readonly at: Point;
      readonly text: string;
      /** Height of a line; a capital takes 0.7 of it. */
      readonly size: number;
      readonly anchor: 'start' | 'middle' | 'end';
      readonly color: string;
      readonly isBold?: boolean;
    };

export interface Drawing {
  readonly width: number;
  readonly height: number;
  /** As `#rrggbb`, like all colours. */
  readonly background: string;
  readonly shapes: readonly Shape[];
  /** What it shows, for who cannot see it. */
  readonly title: string;
}
