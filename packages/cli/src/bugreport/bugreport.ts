import { type FileHandle, open, unlink } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { secretsOfSettings } from '@selvedge/agent'
import type { AgentSettings } from '@selvedge/agent/flags'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'
import type { CliIo } from '../io.js'
import { openOperatorStore } from '../store/open.js'
import { withTimeLimit } from '../tools/time-limit.js'
import { commandParts } from './command-parts.js'
import { type GatheredPart, gatherParts, LIMITS } from './gather.js'
import { hostParts } from './host-parts.js'
import { Redactor, secretsOfJson, secretsOfVariables } from './redact.js'
import { secretsOfFiles } from './secret-files.js'
import { tar } from './tar.js'

export interface BugreportCommand {
  /** Undefined for a name of its own in the current folder. */
  readonly file: string | undefined
  /** The flags of this run, for the commands that it runs. */
  readonly args: readonly string[]
  readonly build: (io: CliIo) => Command
}

export async function bugreportCommand(
  { io, page }: Context,
  settings: AgentSettings,
  { file, args, build }: BugreportCommand,
): Promise<void> {
  const now = new Date(io.clock.now())
  const name = `selvedge-bugreport-${plainName(io.hostname)}-${now.toISOString().replaceAll(/[-:]|\.\d+/g, '')}`
  const path = file ?? `${name}.tar.gz`
  const handle = await create(path)
  try {
    const { secrets, storeAnswers } = await secretsKnown(io, settings)
    const redactor = new Redactor(secrets)
    const parts = [...commandParts(build, io, args, storeAnswers), ...hostParts(settings)]
    const gathered = (await gatherParts(parts, LIMITS, io.signal)).map((part) => ({
      ...part,
      text: redactor.redact(part.text),
    }))
    const readme = redactor.redact(readmeOf(gathered, { io, now }))
    const files = [{ path: 'README.txt', text: readme }, ...gathered]
    const archive = await promisify(gzip)(
      tar(
        files.map((each) => ({ path: `${name}/${each.path}`, content: Buffer.from(each.text) })),
        now.getTime() / 1000,
      ),
    )
    await handle.writeFile(archive)
    const failed = gathered.filter((part) => part.failed).map((part) => part.path)
    if (page.json) page.document({ file: path, bytes: archive.length, parts: files.length, failed })
    else {
      page.text(`wrote ${path}, ${Math.ceil(archive.length / 1024)} KiB, ${files.length} files`)
      for (const each of failed) page.text(`  ${each}`, { style: 'dim' })
      page.text('Secrets that could be recognized are redacted; look through it before you pass it on.')
    }
  } catch (error) {
    await unlink(path).catch(() => undefined)
    throw error
  } finally {
    await handle.close()
  }
}

/** For its owner alone; never over a file that is there, nor through a link. */
async function create(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600)
  } catch (error) {
    const isThere = Reflect.get(Object(error), 'code') === 'EEXIST'
    const why = error instanceof Error ? error.message : String(error)
    throw new Ended(
      isThere ? EXIT.refused : EXIT.failed,
      isThere ? `${path} is there already: name another file` : `making the archive: ${why}`,
    )
  }
}

/** How long the config is waited for, for the secrets in it. */
const CONFIG_TIMEOUT_MS = 3_000

async function secretsKnown(
  io: CliIo,
  settings: AgentSettings,
): Promise<{ readonly secrets: readonly string[]; readonly storeAnswers: boolean }> {
  const given = [
    ...secretsOfSettings(settings),
    ...secretsOfVariables(io.variables),
    ...(await secretsOfFiles(settings, io.variables)),
  ]
  const late = new Error('the store does not answer')
  try {
    return await withTimeLimit({ limitMs: CONFIG_TIMEOUT_MS, signal: io.signal, late }, async (signal) => {
      await using store = await openOperatorStore(settings.store, { signal, onWarning: () => {} })
      const config = secretsOfJson((await store.configText()) ?? '')
      return { secrets: [...given, ...config], storeAnswers: true }
    })
  } catch {
    io.signal.throwIfAborted()
    return { secrets: given, storeAnswers: false }
  }
}

function readmeOf(
  parts: readonly GatheredPart[],
  { io, now }: { readonly io: CliIo; readonly now: Date },
): string {
  const width = Math.max(...parts.map(({ path }) => path.length))
  const list = parts.map(
    ({ path, about, failed }) => `  ${path.padEnd(width)}  ${failed ? 'not there: ' : ''}${about}`,
  )
  return `A report about the overlay network of one host, by selvedge ${io.version}.

Host:  ${io.hostname}
Time:  ${now.toISOString()}

Every file is text. What could not be gathered is a file that ends in .failed.txt and says why.
Texts were searched for secrets, which are [redacted] (pre-shared and private keys, passwords,
tokens, and what URLs have before an @). Addresses, names of hosts, links and Nodes, rules of the
firewall and MAC addresses are in it as they are.

Begin with doctor.txt if it is there, then status.txt and inspect.txt.

${list.join('\n')}
`
}

const plainName = (name: string): string => name.replaceAll(/[^\w.-]/g, '_').slice(0, 20)
