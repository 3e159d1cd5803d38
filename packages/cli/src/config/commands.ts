import { createHash } from 'node:crypto'
import { withoutSecrets } from '@selvedge/agent'
import type { StoreSettings } from '@selvedge/agent/flags'
import { type NetworkConfig, networkConfigJson, OverlayError } from '@selvedge/core'
import { CONFIG_LIMITS, parseJson } from '@selvedge/core/kit'
import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'
import { openOperatorStore, requireWritable } from '../store/open.js'
import { checkBackend } from './backend-check.js'
import { differences } from './diff-lines.js'
import { configEffects } from './effects.js'
import { configWarnings, parseNamed, readGivenConfig } from './read.js'
import { printDifferences, printEffects } from './report.js'

/** Which text a config was read as, so that it can be changed only if it still is. */
const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16)

const open = ({ io }: Context, settings: StoreSettings, create = false) =>
  openOperatorStore(settings, {
    signal: io.signal,
    create,
    onWarning: (text) => io.stderr(`selvedge: ${text}\n`),
  })

/** Of what works, and was probably meant otherwise. Rejects with `INVALID_CONFIG` for what an agent does not take. */
const warningsOf = async (config: NetworkConfig, signal: AbortSignal): Promise<readonly string[]> => [
  ...configWarnings(config),
  ...(await checkBackend(config, signal)),
]

const redactorOf = ({ showSecrets }: Context): ((value: unknown) => unknown) =>
  showSecrets ? (value) => value : withoutSecrets

/** The config as it is stored. */
export async function showConfig(context: Context, settings: StoreSettings): Promise<void> {
  const { page } = context
  await using store = await open(context, settings)
  const text = await requireText(store.configText(), store.place)
  const config = parseNamed(text, store.place)
  const redact = redactorOf(context)
  const stored = redact(parseJson(text, CONFIG_LIMITS))
  const inForce = redact(networkConfigJson(config))
  if (page.json) page.document({ store: store.place, digest: digestOf(text), stored, withDefaults: inForce })
  else page.document(stored)
}

/** Checks a config by itself; against the leases of a store, too, if one answers. */
export async function checkConfig(
  context: Context,
  settings: StoreSettings | undefined,
  file: string,
): Promise<void> {
  const { io, page } = context
  const { config } = await readGivenConfig(io, file)
  const warnings = await warningsOf(config, io.signal)
  let place: string | undefined
  let effects: ReturnType<typeof configEffects> = []
  if (settings !== undefined) {
    await using store = await open(context, settings)
    place = store.place
    const before = await store.configText()
    const { leases } = await store.list()
    effects = configEffects(
      before === undefined ? undefined : parseNamed(before, store.place),
      config,
      leases,
    )
  }
  if (page.json)
    page.document({
      valid: true,
      config: redactorOf(context)(networkConfigJson(config)),
      store: place,
      effects,
      warnings,
    })
  else {
    page.text(`valid${place === undefined ? '' : `; beside the leases in ${place}:`}`)
    printEffects(context, effects, warnings)
  }
  if (effects.some(({ severity }) => severity === 'harm')) throw new Ended(EXIT.differs)
}

/** What differs between a config, which is checked first, and the one in the store. */
export async function diffConfig(context: Context, settings: StoreSettings, file: string): Promise<void> {
  const { io, page } = context
  const { config } = await readGivenConfig(io, file)
  const warnings = await warningsOf(config, io.signal)
  await using store = await open(context, settings)
  const text = await store.configText()
  const stored = text === undefined ? undefined : parseNamed(text, store.place)
  const found = differences(stored, config, redactorOf(context))
  const { leases } = await store.list()
  const effects = found.length === 0 ? [] : configEffects(stored, config, leases)
  if (page.json) page.document({ store: store.place, differences: found, effects, warnings })
  else if (found.length === 0) page.text(`no difference to ${store.place}`)
  else {
    printDifferences(context, found)
    printEffects(context, effects, warnings)
  }
  if (found.length > 0) throw new Ended(EXIT.differs)
}

export interface SetConfigCommandOptions {
  readonly file: string
  readonly dryRun: boolean
  readonly force: boolean
  /** Write only if the config in the store has this digest, which `config show --json` says. */
  readonly ifDigest: string | undefined
}

/** Writes a config that is valid, harmless to the leases that there are, and based on what the store holds. */
export async function setConfig(
  context: Context,
  settings: StoreSettings,
  { file, dryRun, force, ifDigest }: SetConfigCommandOptions,
): Promise<void> {
  const { io, page } = context
  const { text, config } = await readGivenConfig(io, file)
  const warnings = await warningsOf(config, io.signal)
  await using store = await open(context, settings, !dryRun)
  requireWritable(
    store,
    'writing the network config',
    'change the ConfigMap kube-flannel-cfg, then restart the agents',
  )
  const before = await store.configText()
  if (ifDigest !== undefined && (before === undefined || digestOf(before) !== ifDigest)) {
    throw new OverlayError(
      'CONFIG_CHANGED',
      `writing the network config to ${store.place}: its digest is ${before === undefined ? 'none' : digestOf(before)}, not ${ifDigest}: ` +
        'another process has written it; read it again, then decide',
    )
  }
  // One that is broken is replaced as if there were none.
  const stored = before === undefined ? undefined : readOr(() => parseNamed(before, store.place))
  const found = differences(stored, config, redactorOf(context))
  const { leases } = await store.list()
  const effects = configEffects(stored, config, leases)
  const isHarmful = found.length > 0 && effects.some(({ severity }) => severity === 'harm')
  const isWritten = !dryRun && before !== text && (force || !isHarmful)
  if (isWritten) {
    await store.manager.setNetworkConfig?.(text, { replaces: before ?? null, signal: io.signal })
  }
  if (page.json)
    page.document({ store: store.place, written: isWritten, differences: found, effects, warnings })
  else {
    printDifferences(context, found)
    if (found.length > 0) printEffects(context, effects, warnings)
    if (isWritten) page.text(`written to ${store.place}`)
    else if (found.length === 0) page.text(`no difference to ${store.place}`)
  }
  if (dryRun) {
    if (found.length > 0) throw new Ended(EXIT.differs)
  } else if (isHarmful && !force) {
    throw new Ended(EXIT.refused, 'not written: see the lines with ! above; --force writes it all the same')
  }
}

function readOr<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

async function requireText(text: Promise<string | undefined>, place: string): Promise<string> {
  const found = await text
  if (found !== undefined) return found
  throw new OverlayError(
    'CONFIG_NOT_FOUND',
    `${place} holds no network config; write one by selvedge config set FILE, such as {"Network": "10.244.0.0/16"}`,
  )
}
