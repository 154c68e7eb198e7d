// Two fingers on a part of the page, as a touch screen reports them.
import type { Page } from 'playwright-core';

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

type Places = readonly [number, number];

/** From these places to those: parts of the box's width. */
export async function pinch(page: Page, box: Box, from: Places, to: Places): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const send = (type: 'touchStart' | 'touchMove' | 'touchEnd', places: readonly number[]) =>
    session.send('Input.dispatchTouchEvent', {
      type,
      touchPoints: places.map((place, id) => ({
        id,
        x: box.x + place * box.width,
        y: box.y + box.height / 2,
      })),
    });
  await send('touchStart', from);
  const steps = 5;
  for (let step = 1; step <= steps; step++) {
    await send(
      'touchMove',
      from.map((place, finger) => place + ((to[finger] - place) * step) / steps),
    );
  }
  await send('touchEnd', []);
  await session.detach();
}
