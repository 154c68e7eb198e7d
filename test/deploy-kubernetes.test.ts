// The manifests in deploy/kubernetes: what they say of each other and of tutti, and that they can be built.
import { execFileSync, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { livenessRoute, readinessRoute } from '../coordinator/health-routes.ts';
import { serveOptions } from '../deploy/serve-options.ts';
import { emptyView } from '../shared/run-view.ts';
import {
  type Document,
  documentsIn,
  hopelessStatuses,
  kubernetesFiles,
  kubernetesResources,
  podsOf,
  project,
} from './manifests.ts';

const port = Number(serveOptions.port.defaultDescription);
const resources = await kubernetesResources();
const overlays = (await kubernetesFiles())
  .filter((path) => /overlays\/[a-z]+\/kustomization\.yaml$/.test(path))
  .map(dirname);

describe.each(
  resources.flatMap((resource) => podsOf(resource).map((pod) => ({ ...resource, pod }))),
)('the pod of $kind $metadata.name', ({ spec: workload, pod }) => {
  const { spec, metadata } = pod;

  it('is allowed where the restricted standard holds', () => {
    expect(spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: expect.any(Number),
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(spec.securityContext.runAsUser).toBeGreaterThan(0);
    for (const { securityContext } of spec.containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
    expect(spec.automountServiceAccountToken).toBe(false);
  });

  it('gets no variables that would be taken for options', () => {
    // A service named tutti would set TUTTI_PORT=tcp://...
    expect(spec.enableServiceLinks).toBe(false);
  });

  it('mounts what it has, and may write to /tmp and /data', () => {
    const volumes = spec.volumes.map(({ name }: Document) => name);
    for (const { volumeMounts } of spec.containers) {
      expect(volumeMounts.map(({ name }: Document) => name)).toEqual(volumes);
      const writable = volumeMounts.filter(({ readOnly }: Document) => !readOnly);
      expect(writable.map(({ mountPath }: Document) => mountPath)).toEqual(['/data', '/tmp']);
    }
  });

  it('is asked for what tutti answers, at a port that it names', () => {
    const paths = [livenessRoute.path, readinessRoute(() => emptyView).path];
    for (const { ports = [], livenessProbe, readinessProbe } of spec.containers) {
      const names = ports.map(({ name }: Document) => name);
      for (const probe of [livenessProbe, readinessProbe].filter(Boolean)) {
        const { path, port: at } = probe.httpGet ?? probe.tcpSocket;
        if (probe.httpGet) expect(paths).toContain(path);
        expect(names).toContain(at);
      }
    }
  });

  it('has the labels that it is looked for by, and bounds', () => {
    const { matchLabels = {} } = workload.selector ?? {};
    expect(metadata.labels).toMatchObject(matchLabels);
    for (const { resources: bounds } of spec.containers) {
      expect(bounds).toMatchObject({
        requests: { cpu: expect.anything() },
        limits: { memory: expect.anything() },
      });
    }
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(20);
  });
});

describe('Kubernetes', () => {
  const find = (kind: string, name: string): Document =>
    resources.find((one) => one.kind === kind && one.metadata.name === name);

  it('reaches the coordinator by its service, at its port', () => {
    const job = find('Job', 'tutti-coordinator');
    const [{ ports }] = job.spec.template.spec.containers;
    expect(ports).toEqual([{ name: 'http', containerPort: port }]);
    expect(find('Service', 'tutti-coordinator').spec.ports[0].port).toBe(port);
    const services = resources.filter(({ kind }) => kind === 'Service');
    for (const { spec } of services) {
      const pods = resources.flatMap(podsOf);
      const chosen = pods.filter(({ metadata: { labels } }) =>
        Object.entries(spec.selector).every(([key, value]) => labels[key] === value),
      );
      expect(chosen).toHaveLength(1);
      const names = chosen[0].spec.containers[0].ports.map(({ name }: Document) => name);
      for (const { targetPort } of spec.ports) expect(names).toContain(targetPort);
    }
    const [worker] = find('Deployment', 'tutti-worker').spec.template.spec.containers;
    expect(worker.args[1]).toBe(`http://tutti-coordinator:${port}`);
  });

  it('gives up where another try cannot help, and never runs two coordinators', () => {
    const { spec } = find('Job', 'tutti-coordinator');
    expect(spec.podFailurePolicy.rules[0].onExitCodes).toEqual({
      containerName: 'coordinator',
      operator: 'In',
      values: hopelessStatuses,
    });
    expect(spec.podReplacementPolicy).toBe('Failed');
    expect(find('PersistentVolumeClaim', 'tutti-runs').spec.accessModes).toEqual([
      'ReadWriteOncePod',
    ]);
  });

  it('watches with the token to watch', () => {
    const { spec } = find('ServiceMonitor', 'tutti-coordinator');
    expect(spec.selector.matchLabels).toEqual(find('Service', 'tutti-coordinator').metadata.labels);
    expect(spec.endpoints[0]).toMatchObject({
      path: '/metrics',
      authorization: { credentials: { name: 'tutti-tokens', key: 'watch' } },
    });
  });

  const version = spawnSync('kubectl', ['version', '--client'], { encoding: 'utf8' });
  it.for(overlays)('builds %s', (overlay, t) => {
    if (version.status !== 0) return t.skip('kubectl, which brings kustomize, is not here');
    const text = execFileSync('kubectl', ['kustomize', join(project, overlay)], {
      encoding: 'utf8',
    });
    const built = documentsIn(text);
    const pods = built.flatMap(podsOf);
    expect(pods.length).toBeGreaterThanOrEqual(2);
    for (const { spec } of pods) {
      expect(spec.containers[0].image).toMatch(/^registry\.example\.org\/tutti(-gpu)?:0\.1\.0$/);
      expect(spec.securityContext.runAsNonRoot).toBe(true);
    }
  });
});
