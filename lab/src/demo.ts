/**
 * `npm run demo`: an overlay network, seen at work. scripts/demo.mjs installs what it needs and runs it.
 */
import { styleText } from 'node:util'
import { cniDemo } from './demo/cni/demo.js'
import { fakeDemo } from './demo/fake.js'
import { whyNotOnKernel } from './demo/link-types.js'
import { type DemoOptions, parseDemoOptions, USAGE } from './demo/options.js'
import { realDemo } from './demo/real.js'
import { JsonReport, type Report, TextReport } from './demo/report.js'

process.exitCode = await main(process.argv.slice(2))

/** @returns the exit status: 0 if nothing was lost, 2 for an invalid command line, 130 after Ctrl-C */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args)
  if (options === undefined) return 2
  if (options.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const interrupt = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupt.abort())
  // The reader may go away, as `head` does. The namespaces are removed all the same.
  process.stdout.on('error', () => interrupt.abort())

  const obstacle = options.fake ? undefined : await whyNotOnKernel(options.backend)
  if (obstacle !== undefined) {
    process.stderr.write(`${obstacle}: showing on the fake kernel what would be programmed.\n`)
    options.fake = true
  }
  const report = reportFor(options)
  const demo = options.fake ? fakeDemo : options.cni ? cniDemo : realDemo
  try {
    const lost = await demo(options, report, interrupt.signal)
    report.end()
    return lost === 0 ? 0 : 1
  } catch (error) {
    if (!interrupt.signal.aborted) throw error
    process.stderr.write('\nInterrupted; all that the demo made is removed.\n')
    return 130
  }
}

function readOptions(args: readonly string[]): DemoOptions | undefined {
  try {
    return parseDemoOptions(args)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${USAGE}`)
    return undefined
  }
}

function reportFor({ json, backend, fake }: DemoOptions): Report {
  const write = (text: string) => process.stdout.write(text)
  if (json) return new JsonReport(write, { backend, kernel: fake ? 'fake' : 'linux' })
  const colours = process.stdout.isTTY && process.env.NO_COLOR === undefined
  return new TextReport(write, colours ? (text) => styleText('bold', text) : undefined)
}
