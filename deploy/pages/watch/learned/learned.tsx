// What the network has learned: where it errs, what its first layer looks for, and how it reads what you draw.
import { useEffect, useRef } from 'preact/hooks';
import { classNamesOf } from '../../../../shared/config.ts';
import type { RunEventOf } from '../../../../shared/events.ts';
import { modelFile } from '../past/fetch-runs.ts';
import { pastRuns } from '../past/past-store.ts';
import { epochs, isDashboard } from '../store.ts';
import { Confusion } from './confusion.tsx';
import { Draw } from './draw.tsx';
import { FirstLayer } from './first-layer.tsx';
import { refreshWeights } from './weights-store.ts';

export function Learned({ run }: { readonly run: RunEventOf<'run'> }) {
  const { config } = run;
  const place = useRef<HTMLDivElement>(null);
  const isSeen = useRef(false);
  const evaluated = epochs.value.at(-1);
  const past = pastRuns.value?.find((each) => each.run === run.run);
  // A run that did not come to its end has left none.
  const hasWeights = !isDashboard.value || past?.files.some(({ name }) => name === modelFile);
  useEffect(() => {
    const watching = new IntersectionObserver(([{ isIntersecting }]) => {
      isSeen.current = isIntersecting;
      if (isIntersecting && hasWeights) void refreshWeights(config);
    });
    watching.observe(place.current!);
    return () => watching.disconnect();
  }, [run.run, hasWeights]);
  useEffect(() => {
    if (isSeen.current && hasWeights) void refreshWeights(config);
  }, [evaluated?.version]);
  const classNames = classNamesOf(config);
  return (
    <div class="learned" ref={place}>
      {/* Scans of folders are not framed as drawn digits are. */}
      {hasWeights && config.dataset !== 'images' && (
        <Draw config={config} classNames={classNames} />
      )}
      <Confusion evaluated={evaluated} classNames={classNames} shape={config.shape} />
      {hasWeights && <FirstLayer shape={config.shape} />}
    </div>
  );
}
