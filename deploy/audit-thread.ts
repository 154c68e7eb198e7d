// An answer in, a verdict out, one message each.
import { parentPort, workerData } from 'node:worker_threads';
import type { AuditTask } from '../coordinator/audits.ts';
import { modelOf, planOf } from '../shared/config.ts';
import { chooseEngine } from '../worker/engines/choose.ts';
import { engineChoices as choices } from '../worker/engines/index.ts';
import { auditAnswer, auditPlaceOf } from './audit-answer.ts';
import type { AuditorReply, AuditorTask } from './auditor.ts';

const { config, train, engine: spec } = workerData as AuditorTask;
const reply = (message: AuditorReply): void => parentPort?.postMessage(message);

try {
  const model = modelOf(config);
  const sliceSize = Math.max(1, Math.min(config.batchSize, planOf(config).runSize(0, 0, 1)));
  const { engine } = await chooseEngine({ spec, choices, model, sliceSize });
  const place = await auditPlaceOf(config, train, engine);
  parentPort?.on('message', async (task: AuditTask) => {
    try {
      reply({ kind: 'verdict', verdict: await auditAnswer(place, task) });
    } catch (error) {
      reply({ kind: 'failed', message: (error as Error).message });
    }
  });
  reply({ kind: 'ready' });
} catch (error) {
  reply({ kind: 'failed', message: (error as Error).message });
}
