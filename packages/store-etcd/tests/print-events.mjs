// Run by partition.test.ts: prints what a watch reports, one line of JSON each, until it is killed.
import { EtcdSubnetManager } from '../dist/index.js'

const [endpoint] = process.argv.slice(2)
const manager = new EtcdSubnetManager({ endpoints: [endpoint] })
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)
const options = {
  signal: new AbortController().signal,
  onError: ({ code, message }) => print({ type: 'error', code, message }),
}
for await (const { type, lease } of manager.watchLeases(options)) print({ type, subnet: lease?.subnet })
