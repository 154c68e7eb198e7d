// The batch script as Slurm runs it, with Slurm's own commands played by others: it comes to the end of its time, is
// queued again, and goes on.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { project } from './manifests.ts';
import { quickRun, temporaryFolder } from './support.ts';

const script = join(project, 'deploy/slurm/train.sbatch');

describe('the batch script of Slurm', () => {
  it('has nothing that ShellCheck warns of', (t) => {
    const { error, stdout } = spawnSync('shellcheck', [script], { encoding: 'utf8' });
    if (error) return t.skip('shellcheck is not here');
    expect(stdout).toBe('');
  });

  it('queues itself again when its time is over, and goes on with its run', async (t) => {
    const folder = temporaryFolder(t);
    await writeProgram(folder, 'srun', 'shift; exec "$@"');
    await writeProgram(folder, 'scontrol', `echo "$@" >> ${folder}/scontrol.log`);
    await writeProgram(folder, 'hostname', 'echo 127.0.0.1');
    const env = {
      ...process.env,
      PATH: `${folder}${delimiter}${process.env.PATH}`,
      PORT: String(await freePort()),
      SLURM_JOB_ID: '42',
      SLURM_NTASKS: '1',
      SLURM_SUBMIT_DIR: project,
      TUTTI_RUNS: join(folder, 'runs'),
      XDG_CACHE_HOME: folder,
    };
    const start = (...words: string[]) => {
      const child = spawn('bash', [script, '--json', ...quickRun, ...words], {
        env,
        detached: true,
      });
      t.onTestFinished(async () => {
        if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL');
      });
      return child;
    };

    const first = start('--epochs=1000');
    for await (const text of first.stdout) if (/"type":"step"/.test(String(text))) break;
    const run = join(folder, 'runs/slurm-42');
    const links = JSON.parse(await readFile(join(run, 'links.json'), 'utf8'));
    expect((await stat(join(folder, 'runs/.tokens-42'))).mode & 0o777).toBe(0o700);
    first.kill('SIGUSR1');
    expect(await once(first, 'exit')).toEqual([0, null]);
    expect(await readFile(join(folder, 'scontrol.log'), 'utf8')).toBe('requeue 42\n');

    const second = start('--epochs=1000');
    let told = '';
    for await (const text of second.stdout) {
      told += text;
      if (/"type":"step"/.test(told)) break;
    }
    const [, fromVersion] = /"fromVersion":(\d+)/.exec(told)!;
    expect(Number(fromVersion)).toBeGreaterThan(0);
    expect(JSON.parse(await readFile(join(run, 'links.json'), 'utf8')).tokens).toEqual(
      links.tokens,
    );
    second.kill('SIGTERM');
    expect(await once(second, 'exit')).toEqual([130, null]);
    expect(await readdir(join(folder, 'runs'))).toEqual(['.tokens-42', 'slurm-42']);
  });
});

async function writeProgram(folder: string, name: string, text: string): Promise<void> {
  await writeFile(join(folder, name), `#!/usr/bin/env bash\n${text}\n`);
  await chmod(join(folder, name), 0o755);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
