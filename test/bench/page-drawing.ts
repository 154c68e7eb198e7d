// Strokes on the sheet of the page, one event of the pointer after the other, and how soon each is answered.
import type { ProbedPage } from './page-probe.ts';

export interface Answers {
  /** From each event of the pointer, as the browser dates it, to the change of the bars, in milliseconds. */
  readonly times: readonly number[];
  /** Committed steps of the weights that the first and the last were read with. */
  readonly versions: readonly [number, number];
}

const strokes = 60;
const eventsOfStroke = 8;

const listen = `(() => {
  let askedAt;
  const answers = [];
  let onAnswer = () => undefined;
  const sheet = document.querySelector('.sketch canvas');
  const ask = ({ timeStamp, buttons }) => {
    if (buttons !== 0) askedAt = timeStamp;
  };
  for (const type of ['pointerdown', 'pointermove']) sheet.addEventListener(type, ask, true);
  new MutationObserver(() => {
    if (askedAt === undefined) return;
    answers.push(performance.now() - askedAt);
    askedAt = undefined;
    onAnswer();
  }).observe(document.querySelector('.bars'), { subtree: true, attributes: true });
  globalThis.nextAnswer = async () => {
    if (answers.length === 0) await new Promise((resolve) => (onAnswer = resolve));
    return answers.shift();
  };
})()`;

const version = `Number(/after step ([\\d,]+)/
  .exec(document.querySelector('.draw').textContent)[1].replaceAll(',', ''))`;

export async function answerTimes(page: ProbedPage): Promise<Answers> {
  const { tab } = page;
  await page.until(`document.querySelector('.sketch canvas')`);
  await tab.evaluate(`document.querySelector('.draw').scrollIntoView()`);
  await page.until(`/after step/.test(document.querySelector('.draw').textContent)`);
  const { left, top, width, height } = await page.placeOf('.sketch canvas');
  await tab.evaluate(listen);
  const first = Number(await tab.evaluate(version));
  const times: number[] = [];
  for (let stroke = 0; stroke < strokes; stroke++) {
    await tab.evaluate(`document.querySelector('.sketch button').click()`);
    // A wave from left to right, each another one: every event brings new ink, which no other reading is of.
    for (let at = 0; at < eventsOfStroke; at++) {
      const x = left + width * (0.15 + (0.7 * at) / eventsOfStroke);
      const y = top + height * (0.5 + 0.3 * Math.sin(stroke + at));
      const answer = tab.evaluate('nextAnswer()');
      if (at === 0) await page.press(x, y);
      else await page.move(x, y);
      times.push(Number(await answer));
      if (at === eventsOfStroke - 1) await page.release(x, y);
    }
  }
  return { times, versions: [first, Number(await tab.evaluate(version))] };
}
