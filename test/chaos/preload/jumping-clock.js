// Preloaded into any process: a wall clock that is set to another time now and then. CLOCK_JUMPS is a list of
// [milliseconds after the start, milliseconds to jump]. JavaScript, because it is there before whatever reads TypeScript.
const RealDate = Date;
let offsetMs = 0;

globalThis.Date = class extends RealDate {
  constructor(...words) {
    super(...(words.length === 0 ? [RealDate.now() + offsetMs] : words));
  }

  static now() {
    return RealDate.now() + offsetMs;
  }
};

for (const [afterMs, jumpMs] of JSON.parse(process.env.CLOCK_JUMPS)) {
  setTimeout(() => {
    offsetMs += jumpMs;
  }, afterMs).unref();
}
