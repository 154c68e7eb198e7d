// Drawing on a sheet as a hand does.
import type { Locator, Page } from 'playwright-core';

/** With the mouse, along these places: parts of the sheet from its upper left corner. */
export async function stroke(
  page: Page,
  sheet: Locator,
  places: readonly (readonly [number, number])[],
): Promise<void> {
  const { x, y, width, height } = (await sheet.boundingBox())!;
  for (const [at, [right, down]] of places.entries()) {
    await page.mouse.move(x + right * width, y + down * height, { steps: 8 });
    if (at === 0) await page.mouse.down();
  }
  await page.mouse.up();
}
