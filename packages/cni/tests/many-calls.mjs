// Calls the plugin many times at once in one process, as 200 processes of Node.js on two processors would do in a minute.
// On the standard input: a JSON array of { env, config }. On the standard output: one of { status, text }.
import { text } from 'node:stream/consumers'
import { flannelPlugin } from '../dist/index.js'

const calls = JSON.parse(await text(process.stdin))
const outputs = calls.map(({ env, config }) =>
  flannelPlugin({
    env: { ...process.env, ...env },
    readConfig: async () => JSON.stringify(config),
    log: (line) => process.stderr.write(`${line}\n`),
  }),
)
process.stdout.write(JSON.stringify(await Promise.all(outputs)))
