// A disk that may crash: then content and names that were not synced may be lost, or half there.
import type { DiskOperation, DiskReader } from '../coordinator/disk.ts';
import type { Random } from '../shared/random.ts';

interface File {
  readonly kind: 'file';
  bytes: Uint8Array;
  durable: Uint8Array;
}

interface Folder {
  readonly kind: 'folder';
  entries: ReadonlyMap<string, File | Folder>;
  /** What the names were since the last sync, oldest first: a crash may keep any of these. */
  past: ReadonlyMap<string, File | Folder>[];
}

export class MemoryDisk implements DiskReader {
  #root: Folder = newFolder();

  perform(operation: DiskOperation): void {
    switch (operation.kind) {
      case 'write':
        return this.#write(operation.path, operation.bytes);
      case 'sync': {
        const file = this.#find(operation.path);
        if (file?.kind !== 'file') throw new Error(`no file ${operation.path}`);
        file.durable = file.bytes;
        return;
      }
      case 'syncDirectory':
        this.#folder(operation.path).past = [];
        return;
      case 'rename':
        return this.#rename(operation.from, operation.to);
      case 'remove': {
        const [folder, name] = this.#parent(operation.path);
        if (folder?.entries.has(name)) change(folder, (entries) => entries.delete(name));
        return;
      }
      default:
        operation satisfies never;
    }
  }

  async list(path: string): Promise<string[]> {
    const folder = this.#find(path);
    return folder?.kind === 'folder' ? [...folder.entries.keys()] : [];
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    const file = this.#find(path);
    return file?.kind === 'file' ? file.bytes : undefined;
  }

  /**
   * Every folder falls back to some state since its last sync, every unsynced file to a torn one.
   */
  crash(random: Random): void {
    crashFolder(this.#root, random);
  }

  #write(path: string, bytes: Uint8Array): void {
    const names = path.split('/').filter(Boolean);
    const name = names.pop() ?? '';
    let folder = this.#root;
    for (const step of names) {
      const inner = folder.entries.get(step) ?? newFolder();
      if (inner.kind === 'file') throw new Error(`${step} is a file`);
      if (!folder.entries.has(step)) change(folder, (entries) => entries.set(step, inner));
      folder = inner;
    }
    const file: File = { kind: 'file', bytes, durable: new Uint8Array() };
    change(folder, (entries) => entries.set(name, file));
  }

  #rename(from: string, to: string): void {
    const [folder, name] = this.#parent(from);
    const [target, newName] = this.#parent(to);
    const moved = folder?.entries.get(name);
    if (folder === undefined || folder !== target || moved === undefined) {
      throw new Error(`cannot rename ${from} to ${to}`);
    }
    const existing = folder.entries.get(newName);
    if (existing?.kind === 'folder' && existing.entries.size > 0) {
      throw new Error(`ENOTEMPTY: ${to}`);
    }
    change(folder, (entries) => {
      entries.delete(name);
      entries.set(newName, moved);
    });
  }

  #parent(path: string): [Folder | undefined, string] {
    const cut = path.lastIndexOf('/');
    const folder = this.#find(path.slice(0, cut));
    return [folder?.kind === 'folder' ? folder : undefined, path.slice(cut + 1)];
  }

  #folder(path: string): Folder {
    const folder = this.#find(path);
    if (folder?.kind !== 'folder') throw new Error(`no folder ${path}`);
    return folder;
  }

  #find(path: string): File | Folder | undefined {
    let found: File | Folder | undefined = this.#root;
    for (const name of path.split('/').filter(Boolean)) {
      found = found?.kind === 'folder' ? found.entries.get(name) : undefined;
    }
    return found;
  }
}

function newFolder(): Folder {
  return { kind: 'folder', entries: new Map(), past: [] };
}

function change(folder: Folder, edit: (entries: Map<string, File | Folder>) => void): void {
  folder.past.push(folder.entries);
  const entries = new Map(folder.entries);
  edit(entries);
  folder.entries = entries;
}

function crashFolder(folder: Folder, random: Random): void {
  const states = [...folder.past, folder.entries];
  folder.entries = states[random.below(states.length)];
  folder.past = [];
  for (const entry of folder.entries.values()) {
    if (entry.kind === 'folder') crashFolder(entry, random);
    else if (entry.durable !== entry.bytes) {
      entry.bytes = entry.bytes.slice(0, random.below(entry.bytes.length + 1));
      entry.durable = entry.bytes;
    }
  }
}
