// A small grey picture.
import { useEffect, useRef } from 'preact/hooks';

export interface PixelsProps {
  readonly rows: number;
  readonly columns: number;
  /** Row by row, 0 black to 255 white. */
  readonly pixels: Uint8Array;
  /** For those who do not see it. */
  readonly label: string;
}

export function Pixels({ rows, columns, pixels, label }: PixelsProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current!.getContext('2d')!;
    const image = context.createImageData(columns, rows);
    pixels.forEach((grey, at) => {
      image.data.set([grey, grey, grey, 255], 4 * at);
    });
    context.putImageData(image, 0, 0);
  }, [pixels, rows, columns]);
  return (
    <canvas
      class="pixels"
      ref={canvas}
      width={columns}
      height={rows}
      role="img"
      aria-label={label}
    />
  );
}

/** As the coordinator sends pixels. */
export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
