// What deploy/ hands to others keeps in step with the program: commands, flags, ports, exit codes, and the rules that
// images and pods have to obey.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { livenessRoute } from '../coordinator/health-routes.ts';
import { scopes } from '../coordinator/tokens.ts';
import { checkWords, commands } from '../deploy/cli.ts';
import { coordinatorCommand } from '../deploy/commands/coordinator.ts';
import { exitCodes } from '../deploy/exit-codes.ts';
import { serveOptions } from '../deploy/serve-options.ts';
import { settingsInFile } from '../deploy/settings/config-file.ts';
import { unknownVariables } from '../deploy/settings/environment.ts';
import { optionsOf } from '../deploy/settings/options.ts';
import {
  type Document,
  deployFiles,
  documentsIn,
  hopelessStatuses,
  instructionsIn,
  kubernetesResources,
  podsOf,
  project,
  readProjectFile,
} from './manifests.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const all = optionsOf(commands.flatMap((one) => ('commands' in one ? one.commands : [one])));
const port = Number(serveOptions.port.defaultDescription);
const resources = await kubernetesResources();

const runFile = join(project, 'deploy/kubernetes/base/run.json');
const dockerfiles = await deployFiles('.Dockerfile');
const units = await deployFiles('.service');
const compose: Document = documentsIn(readProjectFile('deploy/compose.yaml'))[0];

describe('a command in deploy/', () => {
  const inCompose = Object.entries<Document>(compose.services)
    .filter(([, { image }]) => image.startsWith('tutti'))
    .map(([name, { command }]) => [`the ${name} of Compose`, command.map(withDefaults)]);
  const inPods = resources
    .flatMap(podsOf)
    .flatMap(({ spec }) => spec.containers)
    .map(({ name, args }) => [`the ${name} of Kubernetes`, args]);
  const inUnits = units.map((path) => {
    const [, line] = /^ExecStart=\S*node \S+\/deploy\/tutti\.js (.*)$/m.exec(
      readProjectFile(path),
    )!;
    return [path, line.split(' ')];
  });
  const inImages = dockerfiles.map((path) => {
    const { last } = instructionsIn(readProjectFile(path));
    return [path, JSON.parse(last.find(({ name }) => name === 'CMD')!.rest)];
  });
  const calls = [...inCompose, ...inPods, ...inUnits, ...inImages] as [string, string[]][];

  it.for(calls)('is one of tutti, with flags that it has: %s', async ([, words], t) => {
    const isKnown = commands.some(({ usage }) => usage.split(' ')[0] === words[0]);
    if (words[0] === 'relay' && !isKnown) return t.skip('this version has no relays');
    await checkWords(words.map(withFile));
  });

  it('is looked at as the command line would be', async () => {
    await expect(checkWords(['coordinator', '--tokes=x'])).rejects.toThrow('"tokes" is not');
    await expect(checkWords(['worker'])).rejects.toThrow('Not enough');
    await expect(checkWords(['koordinator'])).rejects.toThrow('there is no command');
  });

  it('gets variables and files that tutti knows', () => {
    for (const path of dockerfiles) {
      const { last } = instructionsIn(readProjectFile(path));
      const variables = last.filter(({ name }) => name === 'ENV').map(({ rest }) => rest);
      const names = variables.join(' ').match(/\b[A-Z_]+(?==)/g)!;
      expect(names).toContain('TUTTI_HOST');
      expect(unknownVariables(all, Object.fromEntries(names.map((name) => [name, 'x'])))).toEqual(
        [],
      );
    }
    const settings = settingsInFile(runFile, coordinatorCommand.options, all);
    // All of them are for the coordinator, and none is passed over.
    expect(settings.size).toBe(Object.keys(JSON.parse(readFileSync(runFile, 'utf8'))).length);
    expect(settings.get('run-id')).toBeDefined();
  });
});

/** What is mounted elsewhere is here, too. */
function withFile(word: string): string {
  return word.replace(/^--config=\/etc\/tutti\/.*/, `--config=${runFile}`);
}

function withDefaults(word: string): string {
  return word.replace(/\$\{\w+:-([^}]*)\}/g, '$1');
}

describe('Compose', () => {
  const services = Object.entries<Document>(compose.services);
  const own = services.filter(([, { image }]) => image.startsWith('tutti'));

  it.each(own)('runs the %s hardened, with secrets that there are', (_, service) => {
    expect(service).toMatchObject({
      read_only: true,
      tmpfs: ['/tmp'],
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      restart: 'on-failure',
    });
    for (const secret of service.secrets) expect(compose.secrets).toHaveProperty(secret);
  });

  it('publishes the port that the coordinator has, and asks for it where it is', () => {
    expect(compose.services.coordinator.ports).toEqual([`${port}:${port}`]);
    expect(compose.services.worker.command[1]).toBe(`http://coordinator:${port}`);
    const [prometheus] = documentsIn(readProjectFile('deploy/prometheus/prometheus.yml'));
    expect(prometheus.scrape_configs[0].static_configs[0].targets).toEqual([`coordinator:${port}`]);
    expect(Object.keys(compose.secrets)).toEqual([...scopes]);
  });

  it('scales workers by one number, keeps runs in a volume and the rest behind profiles', () => {
    expect(withDefaults(compose.services.worker.deploy.replicas)).toBe('2');
    expect(compose.services.coordinator.volumes).toEqual(['runs:/data']);
    expect(compose.volumes).toHaveProperty('runs');
    const profiles = services.map(([name, { profiles = [] }]) => [name, ...profiles]);
    expect(profiles).toEqual([
      ['coordinator'],
      ['worker'],
      ['worker-gpu', 'gpu'],
      ['prometheus', 'monitoring'],
      ['grafana', 'monitoring'],
    ]);
  });

  it('mounts files that there are', () => {
    for (const [, { volumes = [] }] of services) {
      for (const volume of volumes.filter((one: string) => one.startsWith('./'))) {
        const [source] = volume.split(':');
        expect(spawnSync('test', ['-e', join(project, 'deploy', source)]).status).toBe(0);
      }
    }
  });
});

describe.each(dockerfiles)('%s', (path) => {
  const { all: instructions, last } = instructionsIn(readProjectFile(path));
  const lines = (name: string) =>
    instructions.filter((one) => one.name === name).map(({ rest }) => rest);

  it('begins from images of a version, and installs what the lock file says', () => {
    const images = lines('FROM').map((rest) => rest.split(' ')[0]);
    for (const image of images) expect(image).toMatch(/^[\w./-]+:\d[\w.-]*$/);
    const installs = lines('RUN').filter((rest) => /^npm (ci|i|install)\b/.test(rest));
    expect(installs[0]).toBe('npm ci --omit=dev');
    // Anything further has a version.
    for (const install of installs.slice(1)) expect(install).toMatch(/@\d+\.\d+\.\d+$/);
    for (const run of lines('RUN').filter((rest) => rest.includes('apt-get install'))) {
      expect(run).toMatch(/--no-install-recommends .* rm -rf \/var\/lib\/apt\/lists\/\*/);
    }
  });

  it('ends as a user by number, under an init, with a check of its health', () => {
    const names = last.map(({ name }) => name);
    expect(names.indexOf('USER')).toBeGreaterThan(names.lastIndexOf('RUN'));
    expect(lines('USER').at(-1)).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(JSON.parse(lines('ENTRYPOINT')[0])).toEqual([
      'tini',
      '--',
      'node',
      '/app/deploy/tutti.js',
    ]);
    const [, check] = /CMD (\[.*\])$/.exec(lines('HEALTHCHECK')[0])!;
    const [program, script] = JSON.parse(check);
    expect(program).toBe('node');
    expect(readProjectFile(script.replace('/app/', ''))).toContain(livenessRoute.path);
    expect(lines('EXPOSE')).toEqual([String(port)]);
  });

  it('copies what there is and what is not ignored', () => {
    const ignored = readProjectFile(`${path}.dockerignore`).split('\n');
    expect(ignored).toContain('*');
    const sources = lines('COPY').filter((rest) => !rest.startsWith('--from'));
    for (const source of sources.flatMap((rest) => rest.split(' ').slice(0, -1))) {
      expect(ignored).toContain(`!${source}`);
      expect(() => execFileSync('test', ['-e', join(project, source)])).not.toThrow();
    }
  });
});

it('the pages are built from what goes into an image', async () => {
  const { all: instructions } = instructionsIn(readProjectFile('deploy/docker/cpu.Dockerfile'));
  const folder = await temporaryDirectory();
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'));
  for (const { name, rest } of instructions) {
    if (name !== 'COPY' || rest.startsWith('--from')) continue;
    for (const source of rest.split(' ').slice(0, -1)) {
      await mkdir(dirname(join(folder, source)), { recursive: true });
      const filter = (from: string): boolean => !from.includes('/deploy/dist');
      await cp(join(project, source), join(folder, source), { recursive: true, filter });
    }
  }
  const [build] = instructions.filter(({ rest }) => rest.includes('pages/build'));
  execFileSync('bash', ['-c', build.rest], { cwd: folder, stdio: 'pipe' });
  expect(await readFile(join(folder, 'deploy/dist/join.html'), 'utf8')).toMatch(/<script/);
});

describe.each(units)('%s', (path) => {
  const text = readProjectFile(path);

  it('ends in order when it is stopped, and not for good when it fails', () => {
    expect(text).toContain(`SuccessExitStatus=${exitCodes.interrupted.status}\n`);
    expect(text).toContain('Restart=on-failure\n');
    const statuses = Object.values(exitCodes).map(({ status }) => status);
    const [, final] = /^RestartPreventExitStatus=(.*)$/m.exec(text)!;
    for (const status of final.split(' ').map(Number)) expect(statuses).toContain(status);
    if (path.includes('coordinator')) expect(final).toBe(hopelessStatuses.join(' '));
  });

  it('keeps tokens out of what others can see', () => {
    expect(text).toMatch(/^LoadCredential=work:/m);
    expect(text).toContain('DynamicUser=yes\n');
  });

  it('is a unit to systemd', (t) => {
    if (spawnSync('systemd-analyze', ['--version']).status !== 0) {
      return t.skip('systemd-analyze is not here');
    }
    const { stderr } = spawnSync('systemd-analyze', ['verify', join(project, path)], {
      encoding: 'utf8',
    });
    // Where Node is on this machine is no fault of the unit.
    const faults = stderr
      .split('\n')
      .filter((line) => line.includes(path) && !/not executable/.test(line));
    expect(faults).toEqual([]);
  });
});
