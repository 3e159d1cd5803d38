import process from 'node:process'
import { MAX_CONFIG_BYTES } from './config/plugin-config.js'
import { flannelPlugin } from './plugin.js'
import { CNI_CODE, CniError } from './protocol/error.js'
import { CNI_VERSIONS } from './protocol/version.js'

/** The program `flannel`: sets the exit status. */
async function main(): Promise<void> {
  // Our own first line sets it: other plugins must not inherit it.
  const { NODE_COMPILE_CACHE: _, ...env } = process.env
  if ((env.CNI_COMMAND ?? '') === '') {
    process.stderr.write(
      'The CNI plugin flannel of selvedge: a container runtime runs it, with CNI_COMMAND in its environment.\n' +
        `CNI versions: ${CNI_VERSIONS.join(', ')}\n`,
    )
  }
  const { status, text } = await flannelPlugin({
    env,
    readConfig: readStandardInput,
    log: (line) => process.stderr.write(`flannel: ${line}\n`),
  })
  process.exitCode = status
  process.stdout.write(text)
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_CONFIG_BYTES) {
      throw new CniError(CNI_CODE.undecodable, `the network config is longer than ${MAX_CONFIG_BYTES} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

void main()
