import { evaluate } from '../../coordinator/evaluation.ts';
import { classNamesOf } from '../../shared/config.ts';
import { defineCommand } from '../command.ts';
import { fileOptions } from '../run-options.ts';
import { engineOption, jsonOption } from '../serve-options.ts';
import { formatPercent, jsonLine, sanitize } from '../terminal/format.ts';
import { engineFor, openTrainedModel } from '../trained-model.ts';

export const evaluateCommand = defineCommand({
  usage: 'evaluate <model>',
  describe: 'Loss, accuracy and confusion matrix of a run or a .safetensors file',
  positionals: {
    model: { type: 'string', describe: 'A run folder or a file', demandOption: true },
  },
  options: {
    ...fileOptions,
    engine: engineOption,
    json: jsonOption,
  },
  examples: [
    ['$0 evaluate runs/ID', 'The final weights of a run'],
    ['$0 evaluate model.safetensors --hidden 400,200,100', 'A file, with its network'],
  ],
  async run({ model: path, engine: engineName, json, ...flags }) {
    const trained = await openTrainedModel(path, flags);
    const { config, loaded, title } = trained;
    const engine = await engineFor(trained, engineName);
    const { loss, accuracy, confusion } = await evaluate({
      engine,
      test: loaded.dataset.test,
      classes: config.shape.classes,
      batchSize: config.testBatchSize,
    });
    await engine.dispose();
    const classNames = classNamesOf(config);
    if (json) {
      process.stdout.write(jsonLine({ model: title, loss, accuracy, confusion, classNames }));
      return 'ok';
    }
    console.log(`${title} on ${loaded.dataset.shape.testSamples} test images`);
    console.log(`Eval Loss ${loss.toFixed(4)}  Eval Acc ${formatPercent(accuracy)}\n`);
    const names = classNames.map((name) => sanitize(name, 12));
    console.log(confusionTable(confusion, names));
    return 'ok';
  },
});

function confusionTable(confusion: readonly number[][], names: readonly string[]): string {
  const width = Math.max(5, ...names.map(({ length }) => length)) + 1;
  const cell = (content: string | number): string => String(content).padStart(width);
  const heading = ['label', ...names].map(cell).join('');
  const rows = confusion.map((row, label) => [names[label], ...row].map(cell).join(''));
  return ['Rows are labels, columns answers.', heading, ...rows].join('\n');
}
