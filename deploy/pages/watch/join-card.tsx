// How others take part: a link, the same as a QR code, and a command.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { encode } from 'uqr';
import { linkTo } from '../../../shared/join-link.ts';
import { ask } from './api.ts';

export function JoinCard() {
  const entry = useSignal<Entry>('unknown');
  useEffect(() => {
    askEntry().then(
      (answer) => {
        entry.value = answer;
      },
      () => undefined,
    );
  }, []);
  return (
    <section class="card join" aria-labelledby="join-title">
      <h2 id="join-title">Take part</h2>
      {entry.value === 'unknown' ? null : entry.value === 'none' ? (
        <p class="hint">
          Your link is for watching. Ask whoever runs the training for one to join.
        </p>
      ) : (
        <Ways {...entry.value} />
      )}
    </section>
  );
}

/** Without a token everybody may come. */
type Entry = 'unknown' | 'none' | { readonly token?: string };

async function askEntry(): Promise<Entry> {
  const response = await ask('api/v1/join-token');
  return response.ok ? response.json() : 'none';
}

function Ways({ token }: { readonly token?: string }) {
  const { origin } = location;
  const link = token === undefined ? `${origin}/join` : linkTo(origin, '/join', token);
  const address = token === undefined ? origin : `'${linkTo(origin, '/', token)}'`;
  const command = `npx tutti worker ${address}`;
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
  return (
    <>
      <QrCode text={link} />
      <div class="ways">
        <p class="hint">With a browser, on anything</p>
        <Copyable text={link} name="link" href={link} />
        <p class="hint">With Node, in a terminal</p>
        <Copyable text={command} name="command" />
        {isLocal && (
          <p class="hint">
            This address is of this machine alone: with <code>--host 0.0.0.0</code> others can come.
          </p>
        )}
      </div>
    </>
  );
}

interface CopyableProps {
  readonly text: string;
  readonly name: string;
  readonly href?: string;
}

function Copyable({ text, name, href }: CopyableProps) {
  const isCopied = useSignal(false);
  const copy = async (): Promise<void> => {
    await writeClipboard(text);
    isCopied.value = true;
  };
  return (
    <p class="copyable">
      {href === undefined ? <code>{text}</code> : <a href={href}>{text}</a>}
      <button type="button" aria-label={`Copy the ${name}`} onClick={copy}>
        {isCopied.value ? 'Copied' : 'Copy'}
      </button>
    </p>
  );
}

/** Over plain http from another machine browsers offer no clipboard, or refuse it, but the old command still works. */
async function writeClipboard(text: string): Promise<void> {
  const clipboard: Clipboard | undefined = navigator.clipboard;
  const isWritten = await clipboard?.writeText(text).then(
    () => true,
    () => false,
  );
  if (isWritten) return;
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

function QrCode({ text }: { readonly text: string }) {
  const { data, size } = encode(text, { border: 2 });
  const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : '')));
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={`QR code of ${text}`}
      shape-rendering="crispEdges"
    >
      <path class="paper" d={`M0 0h${size}v${size}H0z`} />
      <path class="ink" d={path.join('')} />
    </svg>
  );
}
