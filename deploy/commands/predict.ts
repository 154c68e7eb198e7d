import { softmax } from '../../coordinator/evaluation.ts';
import { classNamesOf } from '../../shared/config.ts';
import { datasets } from '../../shared/datasets/index.ts';
import { defineCommand } from '../command.ts';
import { CliError } from '../exit-codes.ts';
import { readImage } from '../images.ts';
import { fileOptions } from '../run-options.ts';
import { engineOption, jsonOption } from '../serve-options.ts';
import { formatBar, formatPercent, jsonLine, sanitize } from '../terminal/format.ts';
import { engineFor, openTrainedModel } from '../trained-model.ts';

export const predict = defineCommand({
  usage: 'predict <model> <image>',
  describe: 'What a trained network makes of one image',
  positionals: {
    model: { type: 'string', describe: 'A run folder or a .safetensors file', demandOption: true },
    image: { type: 'string', describe: 'A PNG, or idx:N for test image N', demandOption: true },
  },
  options: {
    ...fileOptions,
    engine: engineOption,
    json: jsonOption,
  },
  examples: [
    ['$0 predict runs/ID idx:0', 'The first test image'],
    ['$0 predict runs/ID seven.png', 'A picture of your own'],
  ],
  async run({ model: path, image: spec, engine: engineName, json, ...flags }) {
    const trained = await openTrainedModel(path, flags);
    const { config, loaded } = trained;
    const { rows, columns } = config.shape;
    const testImages = loaded.dataset.test.images;
    const asTheyAre = datasets[config.dataset].format === 'png';
    const target = { rows, columns, testImages, asTheyAre };
    const image = await readImage(spec, target).catch((cause: Error) => {
      throw new CliError('data', sanitize(cause.message, 2000), { cause });
    });
    const engine = await engineFor(trained, engineName);
    const probabilities = softmax(await engine.predict(image));
    await engine.dispose();
    const classNames = classNamesOf(config);
    if (json) {
      process.stdout.write(jsonLine({ image: spec, probabilities, classNames }));
      return 'ok';
    }
    const names = classNames.map((name) => sanitize(name, 40));
    const width = Math.max(12, ...names.map(({ length }) => length));
    const likeliest = probabilities.indexOf(Math.max(...probabilities));
    const label = /^idx:\d+$/.test(spec)
      ? `, labelled ${names[loaded.dataset.test.labels[Number(spec.slice(4))]]}`
      : '';
    console.log(`${sanitize(spec)}${label}, looks like ${names[likeliest]}`);
    probabilities.forEach((probability, index) => {
      const bar = formatBar(probability, 30);
      console.log(`${names[index].padStart(width)}  ${bar}  ${formatPercent(probability)}`);
    });
    return 'ok';
  },
});
