// What the network has learned: where it errs, what its first layer looks for, and how it reads what you draw.
import { useEffect, useRef } from 'preact/hooks';
import { classNamesOf } from '../../../../shared/config.ts';
import type { RunEventOf } from '../../../../shared/events.ts';
import { epochs } from '../store.ts';
import { Confusion } from './confusion.tsx';
import { Draw } from './draw.tsx';
import { FirstLayer } from './first-layer.tsx';
import { refreshWeights } from './weights-store.ts';

export function Learned({ run }: { readonly run: RunEventOf<'run'> }) {
  const { config } = run;
  const place = useRef<HTMLDivElement>(null);
  const isSeen = useRef(false);
  const evaluated = epochs.value.at(-1);
  useEffect(() => {
    const watching = new IntersectionObserver(([{ isIntersecting }]) => {
      isSeen.current = isIntersecting;
      if (isIntersecting) void refreshWeights(config);
    });
    watching.observe(place.current!);
    return () => watching.disconnect();
  }, [run.run]);
  useEffect(() => {
    if (isSeen.current) void refreshWeights(config);
  }, [evaluated?.version]);
  const classNames = classNamesOf(config);
  return (
    <div class="learned" ref={place}>
      {/* Scans of folders are not framed as drawn digits are. */}
      {config.dataset !== 'images' && <Draw config={config} classNames={classNames} />}
      <Confusion evaluated={evaluated} classNames={classNames} shape={config.shape} />
      <FirstLayer shape={config.shape} />
    </div>
  );
}
